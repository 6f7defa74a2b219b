"""The register of stored documents.

Job: list every kind of document once; tables, reconciliation and tests derive from this list.

Not here: the documents (their rooms), tables (storage).
"""

from typing import Final

from counterseal.approvals.comments import CaseComment
from counterseal.approvals.delegation import DelegationGrant
from counterseal.approvals.model import ApprovalDecision, ApprovalRequest, BatchNonce, ReviewNonce
from counterseal.audit.keys import LogKeyChange
from counterseal.audit.privacy import Erasure
from counterseal.audit.retention import Hold, Purge
from counterseal.audit.rollback import Rollback
from counterseal.broker.lots_taken import LotTaken
from counterseal.broker.model import Fill
from counterseal.desk.batches import Batch
from counterseal.desk.calibrating import CalibrationRun
from counterseal.desk.carried_books import CarriedBooks
from counterseal.desk.commands import CommandRecord
from counterseal.desk.discrepancies import AccountLock, ReconciliationRun
from counterseal.desk.installation import Installation, PolicyActivation
from counterseal.desk.market_watch import MarketMark
from counterseal.desk.rounds import DutyRound
from counterseal.identity.access_reviews import AccessReview
from counterseal.identity.accounts import FederatedAccount, LocalAccount
from counterseal.identity.attestations import ControlAttestation
from counterseal.identity.keys import PersonKey
from counterseal.identity.mandate import SubmitMandate
from counterseal.identity.people import Person, RoleGrant
from counterseal.identity.proposals import PeopleProposal
from counterseal.identity.sessions import LoginSession
from counterseal.kernel.model import Document
from counterseal.oms.ingest import GatewayCursor, IngestedReport
from counterseal.oms.model import (
    ClientOrderId,
    ExecutionReport,
    Order,
    OrderEvent,
    OrderKey,
    OutboxEntry,
)
from counterseal.policy.evaluation import PolicyEvaluation
from counterseal.policy.proposal import PolicyProposal, PolicyVote
from counterseal.portfolio.day_statement import DayStatement
from counterseal.portfolio.lots import Lot, LotClosing
from counterseal.portfolio.model import Account, DailyPnl, LedgerEntry, Position
from counterseal.portfolio.reversal import FillReversal
from counterseal.portfolio.settlement import Settlement
from counterseal.risk.counters import RiskCounters, StrategyExposure
from counterseal.risk.losses import AccountLoss
from counterseal.risk.model import RiskEvaluation, RiskState
from counterseal.risk.override import RiskOverride
from counterseal.risk.switches import RiskSwitch
from counterseal.signals.intent import PaperOrderIntent
from counterseal.signals.model import SignalRecord

DOCUMENTS: Final[tuple[type[Document], ...]] = (
    Installation,
    PolicyActivation,
    CommandRecord,
    Person,
    RoleGrant,
    PersonKey,
    SubmitMandate,
    SignalRecord,
    ApprovalRequest,
    ApprovalDecision,
    ReviewNonce,
    Batch,
    PaperOrderIntent,
    RiskEvaluation,
    RiskState,
    Order,
    OrderEvent,
    ExecutionReport,
    OutboxEntry,
    OrderKey,
    Fill,
    Account,
    Position,
    LedgerEntry,
    DailyPnl,
    LogKeyChange,
    Erasure,
    Hold,
    Purge,
    Rollback,
    LocalAccount,
    FederatedAccount,
    LoginSession,
    BatchNonce,
    PeopleProposal,
    AccessReview,
    PolicyEvaluation,
    DelegationGrant,
    CaseComment,
    PolicyProposal,
    PolicyVote,
    Lot,
    LotClosing,
    Settlement,
    FillReversal,
    RiskSwitch,
    RiskCounters,
    StrategyExposure,
    RiskOverride,
    ClientOrderId,
    IngestedReport,
    GatewayCursor,
    ReconciliationRun,
    AccountLock,
    DutyRound,
    CalibrationRun,
    AccountLoss,
    LotTaken,
    MarketMark,
    CarriedBooks,
    ControlAttestation,
    DayStatement,
)
"""Every kind that an event may carry."""
