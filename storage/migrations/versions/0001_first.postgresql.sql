CREATE TABLE audit_records (
  seq BIGINT NOT NULL,
  prev TEXT COLLATE "C" NOT NULL,
  stream TEXT COLLATE "C" NOT NULL,
  stream_seq BIGINT NOT NULL,
  stream_prev TEXT COLLATE "C" NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  occurred_at TEXT COLLATE "C" NOT NULL,
  recorded_at TEXT COLLATE "C" NOT NULL,
  leaf_hash TEXT COLLATE "C" NOT NULL,
  body BYTEA NOT NULL,
  PRIMARY KEY (seq),
  UNIQUE (stream, stream_seq),
  UNIQUE (event_id)
)

CREATE TABLE audit_checkpoints (
  size BIGINT NOT NULL,
  number BIGINT NOT NULL,
  note TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (size),
  UNIQUE (number)
)

CREATE TABLE audit_tiles (
  level BIGINT NOT NULL,
  number BIGINT NOT NULL,
  root BYTEA NOT NULL,
  hashes BYTEA NOT NULL,
  PRIMARY KEY (level, number)
)

CREATE TABLE audit_head (
  origin TEXT COLLATE "C" NOT NULL,
  size BIGINT NOT NULL,
  last_leaf TEXT COLLATE "C" NOT NULL,
  peaks TEXT COLLATE "C" NOT NULL,
  root TEXT COLLATE "C" NOT NULL,
  lease_owner TEXT COLLATE "C" NOT NULL,
  lease_epoch BIGINT NOT NULL,
  lease_until TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (origin)
)

CREATE TABLE installations (
  installation_id TEXT COLLATE "C" NOT NULL,
  origin TEXT COLLATE "C" NOT NULL,
  log_vkey TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  mode TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (installation_id)
)

CREATE TABLE policy_activations (
  bundle_hash TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  files TEXT COLLATE "C" NOT NULL,
  activated_by TEXT COLLATE "C" NOT NULL,
  bootstrap BIGINT NOT NULL,
  effective_from TEXT COLLATE "C" NOT NULL,
  author_ids TEXT COLLATE "C" NOT NULL,
  proposal_id TEXT COLLATE "C",
  signatures TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (bundle_hash)
)

CREATE TABLE commands (
  idempotency_key TEXT COLLATE "C" NOT NULL,
  name TEXT COLLATE "C" NOT NULL,
  payload_digest TEXT COLLATE "C" NOT NULL,
  actor_id TEXT COLLATE "C" NOT NULL,
  subject_id TEXT COLLATE "C" NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  refusal TEXT COLLATE "C",
  decided_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (idempotency_key)
)

CREATE INDEX ix_commands_actor_id_decided_at ON commands (actor_id, decided_at)

CREATE INDEX ix_commands_name_decided_at ON commands (name, decided_at)

CREATE INDEX ix_commands_subject_id ON commands (subject_id)

CREATE TABLE people (
  person_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  handle TEXT COLLATE "C" NOT NULL,
  roles TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  labels TEXT COLLATE "C" NOT NULL,
  disabled_at TEXT COLLATE "C",
  scopes TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (person_id)
)

CREATE TABLE role_grants (
  grant_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  role TEXT COLLATE "C" NOT NULL,
  granted_by TEXT COLLATE "C" NOT NULL,
  bootstrap BIGINT NOT NULL,
  granted_at TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  signatures TEXT COLLATE "C" NOT NULL,
  ended_at TEXT COLLATE "C",
  ended_by TEXT COLLATE "C",
  strategies TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (grant_id)
)

CREATE TABLE person_keys (
  key_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  public_key TEXT COLLATE "C" NOT NULL,
  key_class BIGINT NOT NULL,
  scheme TEXT COLLATE "C" NOT NULL,
  rp_id TEXT COLLATE "C",
  web_origin TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  enrolled_by TEXT COLLATE "C" NOT NULL,
  bootstrap BIGINT NOT NULL,
  effective_at TEXT COLLATE "C" NOT NULL,
  revoked_at TEXT COLLATE "C",
  revoked_reason TEXT COLLATE "C" NOT NULL,
  supersedes TEXT COLLATE "C",
  signatures TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (key_id)
)

CREATE TABLE mandates (
  mandate_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  strategies TEXT COLLATE "C" NOT NULL,
  orders_max BIGINT NOT NULL,
  tx_equivalent_max TEXT COLLATE "C" NOT NULL,
  protection_points TEXT COLLATE "C",
  valid_from TEXT COLLATE "C" NOT NULL,
  valid_until TEXT COLLATE "C" NOT NULL,
  issued_at TEXT COLLATE "C" NOT NULL,
  nonce TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  orders_used BIGINT NOT NULL,
  signature TEXT COLLATE "C",
  PRIMARY KEY (mandate_id)
)

CREATE TABLE signals (
  signal_id TEXT COLLATE "C" NOT NULL,
  strategy_id TEXT COLLATE "C" NOT NULL,
  strategy_version TEXT COLLATE "C" NOT NULL,
  timestamp TEXT COLLATE "C" NOT NULL,
  symbol_group TEXT COLLATE "C" NOT NULL,
  direction TEXT COLLATE "C" NOT NULL,
  target_tx_equivalent TEXT COLLATE "C" NOT NULL,
  confidence TEXT COLLATE "C" NOT NULL,
  stop_distance_points TEXT COLLATE "C",
  reason TEXT COLLATE "C" NOT NULL,
  received_at TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  source_digest TEXT COLLATE "C" NOT NULL,
  data_version TEXT COLLATE "C" NOT NULL,
  code_version TEXT COLLATE "C" NOT NULL,
  parameters_hash TEXT COLLATE "C" NOT NULL,
  payload_digest TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (signal_id)
)

CREATE INDEX ix_signals_received_at ON signals (received_at)

CREATE TABLE approval_requests (
  approval_request_id TEXT COLLATE "C" NOT NULL,
  request_reference TEXT COLLATE "C" NOT NULL,
  version BIGINT NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  requester_id TEXT COLLATE "C" NOT NULL,
  strategy_id TEXT COLLATE "C" NOT NULL,
  signal_id TEXT COLLATE "C" NOT NULL,
  payload TEXT COLLATE "C" NOT NULL,
  request_hash TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  required_review_count BIGINT NOT NULL,
  required_decision_sequence TEXT COLLATE "C" NOT NULL,
  stages_required TEXT COLLATE "C" NOT NULL,
  stages_done TEXT COLLATE "C" NOT NULL,
  latest_chain_hash TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  review_expires_at TEXT COLLATE "C" NOT NULL,
  last_approval_at TEXT COLLATE "C",
  execution_valid_until TEXT COLLATE "C",
  reminded_at TEXT COLLATE "C",
  escalated_at TEXT COLLATE "C",
  orders TEXT COLLATE "C" NOT NULL,
  consumed_by_order TEXT COLLATE "C",
  supersedes TEXT COLLATE "C",
  superseded_by TEXT COLLATE "C",
  routing TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (approval_request_id)
)

CREATE INDEX ix_approval_requests_created_at_tenant ON approval_requests (created_at, tenant)

CREATE INDEX ix_approval_requests_request_reference ON approval_requests (request_reference)

CREATE INDEX ix_approval_requests_signal_id ON approval_requests (signal_id)

CREATE INDEX ix_approval_requests_status ON approval_requests (status)

CREATE TABLE approval_decisions (
  approval_decision_id TEXT COLLATE "C" NOT NULL,
  approval_request_id TEXT COLLATE "C" NOT NULL,
  request_version BIGINT NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  seat BIGINT NOT NULL,
  stage TEXT COLLATE "C" NOT NULL,
  decision TEXT COLLATE "C" NOT NULL,
  meaning TEXT COLLATE "C" NOT NULL,
  reviewer_id TEXT COLLATE "C" NOT NULL,
  reviewer_role TEXT COLLATE "C" NOT NULL,
  decision_reason TEXT COLLATE "C" NOT NULL,
  decided_at TEXT COLLATE "C" NOT NULL,
  previous_chain_hash TEXT COLLATE "C" NOT NULL,
  decision_hash TEXT COLLATE "C" NOT NULL,
  statement_digest TEXT COLLATE "C" NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  key_class BIGINT NOT NULL,
  nonce TEXT COLLATE "C" NOT NULL,
  issued_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  approval_for_live BIGINT NOT NULL,
  demo_labels TEXT COLLATE "C" NOT NULL,
  on_behalf_of TEXT COLLATE "C",
  grant_id TEXT COLLATE "C",
  evidence_unopened TEXT COLLATE "C" NOT NULL,
  carried TEXT COLLATE "C",
  signature TEXT COLLATE "C" NOT NULL,
  batch TEXT COLLATE "C",
  PRIMARY KEY (approval_decision_id)
)

CREATE INDEX ix_approval_decisions_approval_request_id ON approval_decisions (approval_request_id)

CREATE INDEX ix_approval_decisions_reviewer_id_decided_at ON approval_decisions (reviewer_id, decided_at)

CREATE TABLE review_nonces (
  nonce TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  approval_request_id TEXT COLLATE "C" NOT NULL,
  request_version BIGINT NOT NULL,
  issued_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  used_at TEXT COLLATE "C",
  statement TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (nonce)
)

CREATE TABLE batches (
  batch_id TEXT COLLATE "C" NOT NULL,
  mandate_id TEXT COLLATE "C" NOT NULL,
  request_ids TEXT COLLATE "C" NOT NULL,
  attempt BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  claimed_at TEXT COLLATE "C" NOT NULL,
  lease_until TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (batch_id)
)

CREATE TABLE intents (
  order_id TEXT COLLATE "C" NOT NULL,
  intent_reference TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  legs TEXT COLLATE "C" NOT NULL,
  side TEXT COLLATE "C" NOT NULL,
  quantity TEXT COLLATE "C" NOT NULL,
  order_type TEXT COLLATE "C" NOT NULL,
  time_in_force TEXT COLLATE "C" NOT NULL,
  order_price TEXT COLLATE "C",
  stop_price TEXT COLLATE "C",
  protection_points TEXT COLLATE "C",
  good_till TEXT COLLATE "C",
  parent_order_id TEXT COLLATE "C",
  reference_price TEXT COLLATE "C",
  tx_equivalent_exposure TEXT COLLATE "C" NOT NULL,
  quote_age_seconds TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  source_signal_id TEXT COLLATE "C" NOT NULL,
  strategy_id TEXT COLLATE "C" NOT NULL,
  strategy_version TEXT COLLATE "C" NOT NULL,
  approval_id TEXT COLLATE "C" NOT NULL,
  direction TEXT COLLATE "C" NOT NULL,
  target_tx_equivalent TEXT COLLATE "C" NOT NULL,
  confidence TEXT COLLATE "C" NOT NULL,
  stop_distance_points TEXT COLLATE "C",
  policy_bundle_hash TEXT COLLATE "C" NOT NULL,
  submitted_by TEXT COLLATE "C" NOT NULL,
  mandate_id TEXT COLLATE "C",
  created_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (order_id)
)

CREATE INDEX ix_intents_approval_id ON intents (approval_id)

CREATE TABLE risk_evaluations (
  evaluation_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  approved BIGINT NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  checks TEXT COLLATE "C" NOT NULL,
  further_checks TEXT COLLATE "C" NOT NULL,
  exposure_tx_equivalent TEXT COLLATE "C",
  snapshot TEXT COLLATE "C" NOT NULL,
  snapshot_hash TEXT COLLATE "C" NOT NULL,
  intent_hash TEXT COLLATE "C" NOT NULL,
  policy_digest TEXT COLLATE "C" NOT NULL,
  evaluated_at TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  live_trading_enabled BIGINT NOT NULL,
  broker_api_called BIGINT NOT NULL,
  PRIMARY KEY (evaluation_id)
)

CREATE INDEX ix_risk_evaluations_evaluated_at ON risk_evaluations (evaluated_at)

CREATE TABLE risk_states (
  account_id TEXT COLLATE "C" NOT NULL,
  kill_switch_active BIGINT NOT NULL,
  broker_heartbeat_healthy BIGINT NOT NULL,
  heartbeat_at TEXT COLLATE "C",
  updated_at TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE TABLE orders (
  order_id TEXT COLLATE "C" NOT NULL,
  order_reference TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  cl_ord_id TEXT COLLATE "C" NOT NULL,
  orig_cl_ord_id TEXT COLLATE "C",
  cl_ord_ids TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  approval_request_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  strategy_id TEXT COLLATE "C" NOT NULL,
  strategy_version TEXT COLLATE "C" NOT NULL,
  source_signal_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  side TEXT COLLATE "C" NOT NULL,
  legs TEXT COLLATE "C" NOT NULL,
  order_type TEXT COLLATE "C" NOT NULL,
  limit_price TEXT COLLATE "C",
  stop_price TEXT COLLATE "C",
  protection_points TEXT COLLATE "C",
  time_in_force TEXT COLLATE "C" NOT NULL,
  good_till TEXT COLLATE "C",
  triggered_at TEXT COLLATE "C",
  parent_order_id TEXT COLLATE "C",
  quantity TEXT COLLATE "C" NOT NULL,
  approved_quantity TEXT COLLATE "C" NOT NULL,
  cum_quantity TEXT COLLATE "C" NOT NULL,
  leaves_quantity TEXT COLLATE "C" NOT NULL,
  rest_quantity TEXT COLLATE "C" NOT NULL,
  notional_sum TEXT COLLATE "C" NOT NULL,
  average_price TEXT COLLATE "C",
  executions TEXT COLLATE "C" NOT NULL,
  late_fill_count BIGINT NOT NULL,
  state TEXT COLLATE "C" NOT NULL,
  state_beneath TEXT COLLATE "C",
  cancel_pending BIGINT NOT NULL,
  cancel_id TEXT COLLATE "C",
  pending_replace TEXT COLLATE "C",
  replace_pending BIGINT NOT NULL,
  priority_at TEXT COLLATE "C",
  event_sequence BIGINT NOT NULL,
  risk_evaluation_id TEXT COLLATE "C",
  created_at TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  submitted_at TEXT COLLATE "C",
  expires_at TEXT COLLATE "C",
  paper_only BIGINT NOT NULL,
  live_trading_enabled BIGINT NOT NULL,
  broker_api_called BIGINT NOT NULL,
  PRIMARY KEY (order_id)
)

CREATE INDEX ix_orders_account_id ON orders (account_id)

CREATE INDEX ix_orders_approval_request_id ON orders (approval_request_id)

CREATE INDEX ix_orders_created_at ON orders (created_at)

CREATE INDEX ix_orders_replace_pending ON orders (replace_pending)

CREATE INDEX ix_orders_source_signal_id ON orders (source_signal_id)

CREATE INDEX ix_orders_state ON orders (state)

CREATE TABLE order_events (
  order_event_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  event TEXT COLLATE "C" NOT NULL,
  from_state TEXT COLLATE "C" NOT NULL,
  to_state TEXT COLLATE "C" NOT NULL,
  cl_ord_id TEXT COLLATE "C",
  at TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (order_event_id)
)

CREATE INDEX ix_order_events_order_id ON order_events (order_id)

CREATE TABLE execution_reports (
  report_id TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  cl_ord_id TEXT COLLATE "C" NOT NULL,
  orig_cl_ord_id TEXT COLLATE "C",
  exec_id TEXT COLLATE "C" NOT NULL,
  execution_type TEXT COLLATE "C" NOT NULL,
  order_status TEXT COLLATE "C" NOT NULL,
  exec_type TEXT COLLATE "C" NOT NULL,
  ord_status TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  side TEXT COLLATE "C" NOT NULL,
  order_quantity TEXT COLLATE "C" NOT NULL,
  last_quantity TEXT COLLATE "C" NOT NULL,
  last_price TEXT COLLATE "C",
  cumulative_filled_quantity TEXT COLLATE "C" NOT NULL,
  leaves_quantity TEXT COLLATE "C" NOT NULL,
  rest_quantity TEXT COLLATE "C" NOT NULL,
  average_fill_price TEXT COLLATE "C",
  late BIGINT NOT NULL,
  event_id TEXT COLLATE "C" NOT NULL,
  timestamp TEXT COLLATE "C" NOT NULL,
  text TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  live_trading_enabled BIGINT NOT NULL,
  broker_api_called BIGINT NOT NULL,
  PRIMARY KEY (report_id)
)

CREATE INDEX ix_execution_reports_order_id ON execution_reports (order_id)

CREATE TABLE order_outbox (
  outbox_id TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  idempotency_key TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  cl_ord_id TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  attempts BIGINT NOT NULL,
  lease_owner TEXT COLLATE "C",
  lease_until TEXT COLLATE "C",
  maybe_sent BIGINT NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  available_at TEXT COLLATE "C" NOT NULL,
  processed_at TEXT COLLATE "C",
  last_error TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  live_trading_enabled BIGINT NOT NULL,
  broker_api_called BIGINT NOT NULL,
  PRIMARY KEY (outbox_id)
)

CREATE INDEX ix_order_outbox_created_at ON order_outbox (created_at)

CREATE INDEX ix_order_outbox_status_created_at ON order_outbox (status, created_at)

CREATE TABLE order_keys (
  idempotency_key TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  source_signal_id TEXT COLLATE "C" NOT NULL,
  payload_digest TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  live_trading_enabled BIGINT NOT NULL,
  broker_api_called BIGINT NOT NULL,
  PRIMARY KEY (idempotency_key)
)

CREATE TABLE fills (
  fill_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  leg_id TEXT COLLATE "C" NOT NULL,
  workflow_run_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  side TEXT COLLATE "C" NOT NULL,
  last_quantity TEXT COLLATE "C" NOT NULL,
  last_price TEXT COLLATE "C" NOT NULL,
  multiplier TEXT COLLATE "C" NOT NULL,
  tx_equivalent TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  model_name TEXT COLLATE "C" NOT NULL,
  model_version TEXT COLLATE "C" NOT NULL,
  model_parameters TEXT COLLATE "C" NOT NULL,
  request TEXT COLLATE "C" NOT NULL,
  result TEXT COLLATE "C" NOT NULL,
  quote TEXT COLLATE "C" NOT NULL,
  quote_id TEXT COLLATE "C" NOT NULL,
  capacity TEXT COLLATE "C" NOT NULL,
  liquidity_score TEXT COLLATE "C" NOT NULL,
  slippage_ticks TEXT COLLATE "C" NOT NULL,
  slippage_reason TEXT COLLATE "C" NOT NULL,
  latency_ms BIGINT NOT NULL,
  queue_ahead TEXT COLLATE "C",
  remaining_quantity TEXT COLLATE "C" NOT NULL,
  uses TEXT COLLATE "C" NOT NULL,
  touch BIGINT NOT NULL,
  seed TEXT COLLATE "C" NOT NULL,
  not_modelled TEXT COLLATE "C" NOT NULL,
  fees TEXT COLLATE "C" NOT NULL,
  late BIGINT NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  session TEXT COLLATE "C" NOT NULL,
  occurred_at TEXT COLLATE "C" NOT NULL,
  recorded_at TEXT COLLATE "C" NOT NULL,
  paper_only BIGINT NOT NULL,
  PRIMARY KEY (fill_id)
)

CREATE INDEX ix_fills_occurred_at ON fills (occurred_at)

CREATE INDEX ix_fills_order_id ON fills (order_id)

CREATE INDEX ix_fills_trading_day ON fills (trading_day)

CREATE TABLE accounts (
  account_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  account_group TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  opening_cash TEXT COLLATE "C" NOT NULL,
  cash TEXT COLLATE "C" NOT NULL,
  realized_pnl TEXT COLLATE "C" NOT NULL,
  fees_paid TEXT COLLATE "C" NOT NULL,
  tax_paid TEXT COLLATE "C" NOT NULL,
  books TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  simulated BIGINT NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE INDEX ix_accounts_tenant ON accounts (tenant)

CREATE TABLE positions (
  position_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  quantity TEXT COLLATE "C" NOT NULL,
  average_price TEXT COLLATE "C",
  cost_sum TEXT COLLATE "C" NOT NULL,
  multiplier TEXT COLLATE "C" NOT NULL,
  tx_equivalent TEXT COLLATE "C" NOT NULL,
  realized_pnl TEXT COLLATE "C" NOT NULL,
  fees TEXT COLLATE "C" NOT NULL,
  lot_cost_sum TEXT COLLATE "C" NOT NULL,
  lot_realized_pnl TEXT COLLATE "C" NOT NULL,
  first_lot BIGINT NOT NULL,
  next_lot BIGINT NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (position_id)
)

CREATE INDEX ix_positions_account_id ON positions (account_id)

CREATE TABLE ledger_entries (
  entry_id TEXT COLLATE "C" NOT NULL,
  cause_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  debit_account TEXT COLLATE "C" NOT NULL,
  credit_account TEXT COLLATE "C" NOT NULL,
  amount TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (entry_id)
)

CREATE INDEX ix_ledger_entries_account_id ON ledger_entries (account_id)

CREATE INDEX ix_ledger_entries_trading_day ON ledger_entries (trading_day)

CREATE TABLE daily_pnl (
  daily_pnl_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  realized_pnl TEXT COLLATE "C" NOT NULL,
  costs TEXT COLLATE "C" NOT NULL,
  net_realized TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (daily_pnl_id)
)

CREATE TABLE log_key_changes (
  change_id TEXT COLLATE "C" NOT NULL,
  vkey TEXT COLLATE "C" NOT NULL,
  note TEXT COLLATE "C" NOT NULL,
  changed_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (change_id)
)

CREATE TABLE erasures (
  erasure_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  basis TEXT COLLATE "C" NOT NULL,
  commitments TEXT COLLATE "C" NOT NULL,
  erased_by TEXT COLLATE "C" NOT NULL,
  erased_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (erasure_id)
)

CREATE TABLE holds (
  hold_id TEXT COLLATE "C" NOT NULL,
  streams TEXT COLLATE "C" NOT NULL,
  matter TEXT COLLATE "C" NOT NULL,
  placed_by TEXT COLLATE "C" NOT NULL,
  placed_at TEXT COLLATE "C" NOT NULL,
  released_by TEXT COLLATE "C",
  released_at TEXT COLLATE "C",
  PRIMARY KEY (hold_id)
)

CREATE TABLE purges (
  purge_id TEXT COLLATE "C" NOT NULL,
  ranges TEXT COLLATE "C" NOT NULL,
  policy_digest TEXT COLLATE "C" NOT NULL,
  plan_digest TEXT COLLATE "C" NOT NULL,
  planned_by TEXT COLLATE "C" NOT NULL,
  planned_at TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  approvals TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (purge_id)
)

CREATE TABLE log_rollbacks (
  origin TEXT COLLATE "C" NOT NULL,
  epoch BIGINT NOT NULL,
  vkey TEXT COLLATE "C" NOT NULL,
  old_origin TEXT COLLATE "C" NOT NULL,
  signed TEXT COLLATE "C" NOT NULL,
  checkpoint TEXT COLLATE "C" NOT NULL,
  kept TEXT COLLATE "C" NOT NULL,
  restored TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  approvals TEXT COLLATE "C" NOT NULL,
  first_checkpoint TEXT COLLATE "C" NOT NULL,
  declared_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (origin)
)

CREATE TABLE local_accounts (
  account_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  password_set_at TEXT COLLATE "C",
  totp_enrolled_at TEXT COLLATE "C",
  PRIMARY KEY (account_id)
)

CREATE TABLE federated_accounts (
  account_id TEXT COLLATE "C" NOT NULL,
  issuer TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  created_by TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE TABLE login_sessions (
  session_id TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  issuer TEXT COLLATE "C" NOT NULL,
  amr TEXT COLLATE "C" NOT NULL,
  acr TEXT COLLATE "C" NOT NULL,
  auth_time TEXT COLLATE "C" NOT NULL,
  opened_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  idle_seconds BIGINT NOT NULL,
  token_digest TEXT COLLATE "C",
  step_up_digest TEXT COLLATE "C",
  claimed_roles TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  ended_at TEXT COLLATE "C",
  ended_by TEXT COLLATE "C",
  ended_reason TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (session_id)
)

CREATE TABLE batch_nonces (
  nonce TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  issued_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  statement TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (nonce)
)

CREATE TABLE people_proposals (
  proposal_id TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  statement TEXT COLLATE "C" NOT NULL,
  signatures TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  opened_by TEXT COLLATE "C" NOT NULL,
  opened_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  in_force_at TEXT COLLATE "C",
  PRIMARY KEY (proposal_id)
)

CREATE TABLE access_reviews (
  review_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  list_digest TEXT COLLATE "C" NOT NULL,
  people_count BIGINT NOT NULL,
  attested_by TEXT COLLATE "C" NOT NULL,
  attested_at TEXT COLLATE "C" NOT NULL,
  signature TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (review_id)
)

CREATE TABLE policy_evaluations (
  evaluation_id TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  principal TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  resource TEXT COLLATE "C" NOT NULL,
  entities TEXT COLLATE "C" NOT NULL,
  context TEXT COLLATE "C" NOT NULL,
  bundle_hash TEXT COLLATE "C" NOT NULL,
  verdict TEXT COLLATE "C" NOT NULL,
  rule_ids TEXT COLLATE "C" NOT NULL,
  codes TEXT COLLATE "C" NOT NULL,
  engine TEXT COLLATE "C" NOT NULL,
  evaluated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (evaluation_id)
)

CREATE TABLE delegation_grants (
  grant_id TEXT COLLATE "C" NOT NULL,
  log_origin TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  delegator TEXT COLLATE "C" NOT NULL,
  delegate TEXT COLLATE "C" NOT NULL,
  stages TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,
  meaning TEXT COLLATE "C" NOT NULL,
  valid_from TEXT COLLATE "C" NOT NULL,
  valid_until TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  nonce TEXT COLLATE "C" NOT NULL,
  issued_at TEXT COLLATE "C" NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  ended_at TEXT COLLATE "C",
  ended_by TEXT COLLATE "C",
  signature TEXT COLLATE "C",
  PRIMARY KEY (grant_id)
)

CREATE TABLE case_comments (
  comment_id TEXT COLLATE "C" NOT NULL,
  approval_request_id TEXT COLLATE "C" NOT NULL,
  request_version BIGINT NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  words TEXT COLLATE "C" NOT NULL,
  reply_to TEXT COLLATE "C",
  created_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (comment_id)
)

CREATE TABLE policy_proposals (
  proposal_id TEXT COLLATE "C" NOT NULL,
  bundle_hash TEXT COLLATE "C" NOT NULL,
  version TEXT COLLATE "C" NOT NULL,
  files TEXT COLLATE "C" NOT NULL,
  author_ids TEXT COLLATE "C" NOT NULL,
  replaces TEXT COLLATE "C" NOT NULL,
  checks TEXT COLLATE "C" NOT NULL,
  diff_hash TEXT COLLATE "C" NOT NULL,
  proposed_by TEXT COLLATE "C" NOT NULL,
  proposed_at TEXT COLLATE "C" NOT NULL,
  expires_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (proposal_id)
)

CREATE TABLE policy_votes (
  vote_id TEXT COLLATE "C" NOT NULL,
  proposal_id TEXT COLLATE "C" NOT NULL,
  bundle_hash TEXT COLLATE "C" NOT NULL,
  diff_hash TEXT COLLATE "C" NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  key_id TEXT COLLATE "C" NOT NULL,
  meaning TEXT COLLATE "C" NOT NULL,
  voted_at TEXT COLLATE "C" NOT NULL,
  signature TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (vote_id)
)

CREATE TABLE lots (
  lot_id TEXT COLLATE "C" NOT NULL,
  position_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  number BIGINT NOT NULL,
  opened_by TEXT COLLATE "C" NOT NULL,
  opened_quantity TEXT COLLATE "C" NOT NULL,
  remaining_quantity TEXT COLLATE "C" NOT NULL,
  open_price TEXT COLLATE "C" NOT NULL,
  carry_price TEXT COLLATE "C" NOT NULL,
  multiplier TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  realized_pnl TEXT COLLATE "C" NOT NULL,
  voided_by TEXT COLLATE "C",
  trading_day TEXT COLLATE "C" NOT NULL,
  opened_at TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (lot_id)
)

CREATE TABLE lot_closings (
  closing_id TEXT COLLATE "C" NOT NULL,
  lot_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  closed_by TEXT COLLATE "C" NOT NULL,
  quantity TEXT COLLATE "C" NOT NULL,
  basis_price TEXT COLLATE "C" NOT NULL,
  price TEXT COLLATE "C" NOT NULL,
  realized_pnl TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (closing_id)
)

CREATE TABLE settlements (
  settlement_id TEXT COLLATE "C" NOT NULL,
  position_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  price TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  quantity TEXT COLLATE "C" NOT NULL,
  multiplier TEXT COLLATE "C" NOT NULL,
  tx_equivalent TEXT COLLATE "C" NOT NULL,
  variation TEXT COLLATE "C" NOT NULL,
  to_cash BIGINT NOT NULL,
  fees TEXT COLLATE "C" NOT NULL,
  unverified TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  simulated BIGINT NOT NULL,
  PRIMARY KEY (settlement_id)
)

CREATE INDEX ix_settlements_trading_day ON settlements (trading_day)

CREATE TABLE fill_reversals (
  fill_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  realized_change TEXT COLLATE "C" NOT NULL,
  costs_returned TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  reversed_by TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  simulated BIGINT NOT NULL,
  PRIMARY KEY (fill_id)
)

CREATE TABLE risk_switches (
  switch_id TEXT COLLATE "C" NOT NULL,
  scope TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  subject TEXT COLLATE "C",
  state TEXT COLLATE "C" NOT NULL,
  kill_switch_active BIGINT NOT NULL,
  set_by TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (switch_id)
)

CREATE TABLE risk_counters (
  account_id TEXT COLLATE "C" NOT NULL,
  orders_total BIGINT NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  orders_today BIGINT NOT NULL,
  cancels_today BIGINT NOT NULL,
  second TEXT COLLATE "C" NOT NULL,
  orders_this_second BIGINT NOT NULL,
  messages_this_second BIGINT NOT NULL,
  repeat_of TEXT COLLATE "C" NOT NULL,
  repeats BIGINT NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE TABLE strategy_exposures (
  exposure_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  strategy_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  contracts TEXT COLLATE "C" NOT NULL,
  tx_equivalent TEXT COLLATE "C" NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (exposure_id)
)

CREATE INDEX ix_strategy_exposures_strategy_id ON strategy_exposures (strategy_id)

CREATE TABLE risk_overrides (
  override_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  terms TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  signatures TEXT COLLATE "C" NOT NULL,
  signed_by TEXT COLLATE "C" NOT NULL,
  opened_at TEXT COLLATE "C" NOT NULL,
  in_force_at TEXT COLLATE "C",
  ended_at TEXT COLLATE "C",
  PRIMARY KEY (override_id)
)

CREATE INDEX ix_risk_overrides_account_id ON risk_overrides (account_id)

CREATE TABLE client_order_ids (
  cl_ord_id TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C" NOT NULL,
  action TEXT COLLATE "C" NOT NULL,
  created_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (cl_ord_id)
)

CREATE TABLE broker_reports (
  exec_id TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C" NOT NULL,
  order_id TEXT COLLATE "C",
  sequence BIGINT NOT NULL,
  disposition TEXT COLLATE "C" NOT NULL,
  problem TEXT COLLATE "C" NOT NULL,
  report TEXT COLLATE "C" NOT NULL,
  ingested_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (exec_id)
)

CREATE INDEX ix_broker_reports_order_id ON broker_reports (order_id)

CREATE TABLE gateway_cursors (
  gateway TEXT COLLATE "C" NOT NULL,
  sequence BIGINT NOT NULL,
  updated_at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (gateway)
)

CREATE TABLE reconciliation_runs (
  run_id TEXT COLLATE "C" NOT NULL,
  gateway TEXT COLLATE "C",
  read_to BIGINT NOT NULL,
  orders BIGINT NOT NULL,
  reports BIGINT NOT NULL,
  fills BIGINT NOT NULL,
  accounts BIGINT NOT NULL,
  critical BIGINT NOT NULL,
  warnings BIGINT NOT NULL,
  differences TEXT COLLATE "C" NOT NULL,
  findings TEXT COLLATE "C" NOT NULL,
  started_by TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (run_id)
)

CREATE TABLE account_locks (
  account_id TEXT COLLATE "C" NOT NULL,
  locked BIGINT NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  open TEXT COLLATE "C" NOT NULL,
  orders TEXT COLLATE "C" NOT NULL,
  accepted TEXT COLLATE "C" NOT NULL,
  locked_at TEXT COLLATE "C" NOT NULL,
  resolved_by TEXT COLLATE "C",
  resolution TEXT COLLATE "C",
  resolved_at TEXT COLLATE "C",
  terms TEXT COLLATE "C",
  signature TEXT COLLATE "C",
  PRIMARY KEY (account_id)
)

CREATE TABLE duty_rounds (
  duty TEXT COLLATE "C" NOT NULL,
  inputs TEXT COLLATE "C" NOT NULL,
  counts TEXT COLLATE "C" NOT NULL,
  findings TEXT COLLATE "C" NOT NULL,
  started_by TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (duty)
)

CREATE TABLE calibration_runs (
  run_id TEXT COLLATE "C" NOT NULL,
  symbol TEXT COLLATE "C" NOT NULL,
  data_version TEXT COLLATE "C" NOT NULL,
  prints BIGINT NOT NULL,
  terms TEXT COLLATE "C" NOT NULL,
  rows TEXT COLLATE "C" NOT NULL,
  report TEXT COLLATE "C" NOT NULL,
  started_by TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  simulated BIGINT NOT NULL,
  PRIMARY KEY (run_id)
)

CREATE TABLE account_losses (
  account_id TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  level TEXT COLLATE "C" NOT NULL,
  realized_loss_twd TEXT COLLATE "C" NOT NULL,
  loss_twd TEXT COLLATE "C",
  equity_twd TEXT COLLATE "C",
  daily_loss_max_twd TEXT COLLATE "C" NOT NULL,
  portfolio_loss_max_twd TEXT COLLATE "C",
  state TEXT COLLATE "C",
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE TABLE lots_taken (
  lot_id TEXT COLLATE "C" NOT NULL,
  bought TEXT COLLATE "C" NOT NULL,
  sold TEXT COLLATE "C" NOT NULL,
  prints TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (lot_id)
)

CREATE TABLE market_marks (
  symbol TEXT COLLATE "C" NOT NULL,
  quote_id TEXT COLLATE "C" NOT NULL,
  bid TEXT COLLATE "C" NOT NULL,
  ask TEXT COLLATE "C" NOT NULL,
  last TEXT COLLATE "C",
  basis TEXT COLLATE "C" NOT NULL,
  source TEXT COLLATE "C" NOT NULL,
  event_time TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (symbol)
)

CREATE TABLE carried_books (
  account_id TEXT COLLATE "C" NOT NULL,
  through_day TEXT COLLATE "C" NOT NULL,
  cash TEXT COLLATE "C" NOT NULL,
  costs TEXT COLLATE "C" NOT NULL,
  tax TEXT COLLATE "C" NOT NULL,
  positions TEXT COLLATE "C" NOT NULL,
  entries BIGINT NOT NULL,
  fills BIGINT NOT NULL,
  settlements BIGINT NOT NULL,
  reversals BIGINT NOT NULL,
  run_id TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (account_id)
)

CREATE TABLE control_attestations (
  attestation_id TEXT COLLATE "C" NOT NULL,
  tenant TEXT COLLATE "C" NOT NULL,
  control_id TEXT COLLATE "C" NOT NULL,
  control_digest TEXT COLLATE "C" NOT NULL,
  states TEXT COLLATE "C" NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  file_digest TEXT COLLATE "C",
  valid_until TEXT COLLATE "C" NOT NULL,
  attested_by TEXT COLLATE "C" NOT NULL,
  attested_at TEXT COLLATE "C" NOT NULL,
  signature TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (attestation_id)
)

CREATE TABLE day_statements (
  statement_id TEXT COLLATE "C" NOT NULL,
  account_id TEXT COLLATE "C" NOT NULL,
  trading_day TEXT COLLATE "C" NOT NULL,
  ended_at TEXT COLLATE "C" NOT NULL,
  currency TEXT COLLATE "C" NOT NULL,
  cash TEXT COLLATE "C" NOT NULL,
  market_value TEXT COLLATE "C" NOT NULL,
  equity TEXT COLLATE "C" NOT NULL,
  costs TEXT COLLATE "C" NOT NULL,
  positions TEXT COLLATE "C" NOT NULL,
  at TEXT COLLATE "C" NOT NULL,
  simulated BIGINT NOT NULL,
  PRIMARY KEY (statement_id)
)

CREATE TABLE audit_openings (
  commitment TEXT COLLATE "C" NOT NULL,
  nonce BYTEA NOT NULL,
  ciphertext BYTEA NOT NULL,
  person_id TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (commitment)
)

CREATE INDEX ix_audit_openings_person_id ON audit_openings (person_id)

CREATE TABLE audit_outbox (
  position BIGINT GENERATED BY DEFAULT AS IDENTITY,
  event_id TEXT COLLATE "C" NOT NULL,
  draft BYTEA NOT NULL,
  digest TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (position),
  UNIQUE (event_id)
)

CREATE OR REPLACE FUNCTION public.guard_refused()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = TG_TABLE_NAME || ' is append-only';
END
$function$

CREATE OR REPLACE FUNCTION public.guard_only_purged()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF NEW.body = ''::bytea AND starts_with(OLD.stream, 'case:')
    AND (NEW.seq, NEW.prev, NEW.stream, NEW.stream_seq, NEW.stream_prev, NEW.event_id, NEW.type, NEW.occurred_at, NEW.recorded_at, NEW.leaf_hash) = (OLD.seq, OLD.prev, OLD.stream, OLD.stream_seq, OLD.stream_prev, OLD.event_id, OLD.type, OLD.occurred_at, OLD.recorded_at, OLD.leaf_hash)
    AND EXISTS (
      SELECT 1 FROM public.audit_records AS told, json_array_elements(
        convert_from(told.body, 'UTF8')::json #> '{after,documents,purges,0,ranges}') AS part
      WHERE told.stream = 'retention' AND told.type = 'retention.purged' AND told.seq > OLD.seq
        AND told.seq < (SELECT max(size) FROM public.audit_checkpoints)
        AND part ->> 'stream' = OLD.stream
        AND OLD.seq BETWEEN (part ->> 'first')::bigint AND (part ->> 'last')::bigint)
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = 'audit_records is append-only';
END
$function$

CREATE OR REPLACE FUNCTION public.guard_only_at_head()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  last_seq bigint;
  last_leaf text;
BEGIN
  SELECT seq, leaf_hash INTO last_seq, last_leaf
    FROM public.audit_records ORDER BY seq DESC LIMIT 1;
  IF NEW.seq = coalesce(last_seq + 1, 0) AND NEW.prev = coalesce(last_leaf, repeat('0', 64)) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
    MESSAGE = 'a record enters only at the head';
END
$function$

CREATE OR REPLACE FUNCTION public.guard_only_larger()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF EXISTS (SELECT 1 FROM public.audit_checkpoints WHERE size >= NEW.size) THEN
    RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation',
      MESSAGE = 'checkpoints only grow';
  END IF;
  RETURN NEW;
END
$function$

CREATE TRIGGER guard_audit_records_insert BEFORE INSERT ON public.audit_records FOR EACH ROW EXECUTE FUNCTION guard_only_at_head()

CREATE TRIGGER guard_audit_records_update BEFORE UPDATE ON public.audit_records FOR EACH ROW EXECUTE FUNCTION guard_only_purged()

CREATE TRIGGER guard_audit_records_delete BEFORE DELETE OR TRUNCATE ON public.audit_records FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_checkpoints_insert BEFORE INSERT ON public.audit_checkpoints FOR EACH ROW EXECUTE FUNCTION guard_only_larger()

CREATE TRIGGER guard_audit_checkpoints_update BEFORE UPDATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_checkpoints_delete BEFORE DELETE OR TRUNCATE ON public.audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_tiles_update BEFORE UPDATE ON public.audit_tiles FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_tiles_delete BEFORE DELETE OR TRUNCATE ON public.audit_tiles FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_openings_update BEFORE UPDATE ON public.audit_openings FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_openings_truncate BEFORE TRUNCATE ON public.audit_openings FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

CREATE TRIGGER guard_audit_head_delete BEFORE DELETE OR TRUNCATE ON public.audit_head FOR EACH STATEMENT EXECUTE FUNCTION guard_refused()

ALTER TABLE public.audit_records ENABLE ALWAYS TRIGGER guard_audit_records_insert

ALTER TABLE public.audit_records ENABLE ALWAYS TRIGGER guard_audit_records_update

ALTER TABLE public.audit_records ENABLE ALWAYS TRIGGER guard_audit_records_delete

ALTER TABLE public.audit_checkpoints ENABLE ALWAYS TRIGGER guard_audit_checkpoints_insert

ALTER TABLE public.audit_checkpoints ENABLE ALWAYS TRIGGER guard_audit_checkpoints_update

ALTER TABLE public.audit_checkpoints ENABLE ALWAYS TRIGGER guard_audit_checkpoints_delete

ALTER TABLE public.audit_tiles ENABLE ALWAYS TRIGGER guard_audit_tiles_update

ALTER TABLE public.audit_tiles ENABLE ALWAYS TRIGGER guard_audit_tiles_delete

ALTER TABLE public.audit_openings ENABLE ALWAYS TRIGGER guard_audit_openings_update

ALTER TABLE public.audit_openings ENABLE ALWAYS TRIGGER guard_audit_openings_truncate

ALTER TABLE public.audit_head ENABLE ALWAYS TRIGGER guard_audit_head_delete
