CREATE TABLE audit_records (
  seq INTEGER NOT NULL,
  prev TEXT NOT NULL,
  stream TEXT NOT NULL,
  stream_seq INTEGER NOT NULL,
  stream_prev TEXT NOT NULL,
  event_id TEXT NOT NULL,
  type TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  leaf_hash TEXT NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (seq),
  UNIQUE (stream, stream_seq),
  UNIQUE (event_id)
) STRICT

CREATE TABLE audit_checkpoints (
  size INTEGER NOT NULL,
  number INTEGER NOT NULL,
  note TEXT NOT NULL,
  PRIMARY KEY (size),
  UNIQUE (number)
) STRICT

CREATE TABLE audit_tiles (
  level INTEGER NOT NULL,
  number INTEGER NOT NULL,
  root BLOB NOT NULL,
  hashes BLOB NOT NULL,
  PRIMARY KEY (level, number)
) STRICT

CREATE TABLE audit_head (
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  last_leaf TEXT NOT NULL,
  peaks TEXT NOT NULL,
  root TEXT NOT NULL,
  lease_owner TEXT NOT NULL,
  lease_epoch INTEGER NOT NULL,
  lease_until TEXT NOT NULL,
  PRIMARY KEY (origin)
) STRICT

CREATE TABLE installations (
  installation_id TEXT NOT NULL,
  origin TEXT NOT NULL,
  log_vkey TEXT NOT NULL,
  tenant TEXT NOT NULL,
  mode TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (installation_id)
) STRICT

CREATE TABLE policy_activations (
  bundle_hash TEXT NOT NULL,
  version TEXT NOT NULL,
  files TEXT NOT NULL,
  activated_by TEXT NOT NULL,
  bootstrap INTEGER NOT NULL,
  effective_from TEXT NOT NULL,
  author_ids TEXT NOT NULL,
  proposal_id TEXT,
  signatures TEXT NOT NULL,
  PRIMARY KEY (bundle_hash)
) STRICT

CREATE TABLE commands (
  idempotency_key TEXT NOT NULL,
  name TEXT NOT NULL,
  payload_digest TEXT NOT NULL,
  actor_id TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  event_id TEXT NOT NULL,
  refusal TEXT,
  decided_at TEXT NOT NULL,
  PRIMARY KEY (idempotency_key)
) STRICT

CREATE INDEX ix_commands_actor_id_decided_at ON commands (actor_id, decided_at)

CREATE INDEX ix_commands_name_decided_at ON commands (name, decided_at)

CREATE INDEX ix_commands_subject_id ON commands (subject_id)

CREATE TABLE people (
  person_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  handle TEXT NOT NULL,
  roles TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL,
  labels TEXT NOT NULL,
  disabled_at TEXT,
  scopes TEXT NOT NULL,
  PRIMARY KEY (person_id)
) STRICT

CREATE TABLE role_grants (
  grant_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  role TEXT NOT NULL,
  granted_by TEXT NOT NULL,
  bootstrap INTEGER NOT NULL,
  granted_at TEXT NOT NULL,
  reason TEXT NOT NULL,
  signatures TEXT NOT NULL,
  ended_at TEXT,
  ended_by TEXT,
  strategies TEXT NOT NULL,
  PRIMARY KEY (grant_id)
) STRICT

CREATE TABLE person_keys (
  key_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  public_key TEXT NOT NULL,
  key_class INTEGER NOT NULL,
  scheme TEXT NOT NULL,
  rp_id TEXT,
  web_origin TEXT,
  status TEXT NOT NULL,
  enrolled_by TEXT NOT NULL,
  bootstrap INTEGER NOT NULL,
  effective_at TEXT NOT NULL,
  revoked_at TEXT,
  revoked_reason TEXT NOT NULL,
  supersedes TEXT,
  signatures TEXT NOT NULL,
  PRIMARY KEY (key_id)
) STRICT

CREATE TABLE mandates (
  mandate_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  account_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  strategies TEXT NOT NULL,
  orders_max INTEGER NOT NULL,
  tx_equivalent_max TEXT NOT NULL,
  protection_points TEXT,
  valid_from TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  nonce TEXT NOT NULL,
  status TEXT NOT NULL,
  orders_used INTEGER NOT NULL,
  signature TEXT,
  PRIMARY KEY (mandate_id)
) STRICT

CREATE TABLE signals (
  signal_id TEXT NOT NULL,
  strategy_id TEXT NOT NULL,
  strategy_version TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  symbol_group TEXT NOT NULL,
  direction TEXT NOT NULL,
  target_tx_equivalent TEXT NOT NULL,
  confidence TEXT NOT NULL,
  stop_distance_points TEXT,
  reason TEXT NOT NULL,
  received_at TEXT NOT NULL,
  source TEXT NOT NULL,
  source_digest TEXT NOT NULL,
  data_version TEXT NOT NULL,
  code_version TEXT NOT NULL,
  parameters_hash TEXT NOT NULL,
  payload_digest TEXT NOT NULL,
  status TEXT NOT NULL,
  PRIMARY KEY (signal_id)
) STRICT

CREATE INDEX ix_signals_received_at ON signals (received_at)

CREATE TABLE approval_requests (
  approval_request_id TEXT NOT NULL,
  request_reference TEXT NOT NULL,
  version INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  account_id TEXT NOT NULL,
  requester_id TEXT NOT NULL,
  strategy_id TEXT NOT NULL,
  signal_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  request_hash TEXT NOT NULL,
  status TEXT NOT NULL,
  required_review_count INTEGER NOT NULL,
  required_decision_sequence TEXT NOT NULL,
  stages_required TEXT NOT NULL,
  stages_done TEXT NOT NULL,
  latest_chain_hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  review_expires_at TEXT NOT NULL,
  last_approval_at TEXT,
  execution_valid_until TEXT,
  reminded_at TEXT,
  escalated_at TEXT,
  orders TEXT NOT NULL,
  consumed_by_order TEXT,
  supersedes TEXT,
  superseded_by TEXT,
  routing TEXT NOT NULL,
  PRIMARY KEY (approval_request_id)
) STRICT

CREATE INDEX ix_approval_requests_created_at_tenant ON approval_requests (created_at, tenant)

CREATE INDEX ix_approval_requests_request_reference ON approval_requests (request_reference)

CREATE INDEX ix_approval_requests_signal_id ON approval_requests (signal_id)

CREATE INDEX ix_approval_requests_status ON approval_requests (status)

CREATE TABLE approval_decisions (
  approval_decision_id TEXT NOT NULL,
  approval_request_id TEXT NOT NULL,
  request_version INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  seat INTEGER NOT NULL,
  stage TEXT NOT NULL,
  decision TEXT NOT NULL,
  meaning TEXT NOT NULL,
  reviewer_id TEXT NOT NULL,
  reviewer_role TEXT NOT NULL,
  decision_reason TEXT NOT NULL,
  decided_at TEXT NOT NULL,
  previous_chain_hash TEXT NOT NULL,
  decision_hash TEXT NOT NULL,
  statement_digest TEXT NOT NULL,
  key_id TEXT NOT NULL,
  key_class INTEGER NOT NULL,
  nonce TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  approval_for_live INTEGER NOT NULL,
  demo_labels TEXT NOT NULL,
  on_behalf_of TEXT,
  grant_id TEXT,
  evidence_unopened TEXT NOT NULL,
  carried TEXT,
  signature TEXT NOT NULL,
  batch TEXT,
  PRIMARY KEY (approval_decision_id)
) STRICT

CREATE INDEX ix_approval_decisions_approval_request_id ON approval_decisions (approval_request_id)

CREATE INDEX ix_approval_decisions_reviewer_id_decided_at ON approval_decisions (reviewer_id, decided_at)

CREATE TABLE review_nonces (
  nonce TEXT NOT NULL,
  person_id TEXT NOT NULL,
  approval_request_id TEXT NOT NULL,
  request_version INTEGER NOT NULL,
  issued_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT,
  statement TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (nonce)
) STRICT

CREATE TABLE batches (
  batch_id TEXT NOT NULL,
  mandate_id TEXT NOT NULL,
  request_ids TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  claimed_at TEXT NOT NULL,
  lease_until TEXT NOT NULL,
  PRIMARY KEY (batch_id)
) STRICT

CREATE TABLE intents (
  order_id TEXT NOT NULL,
  intent_reference TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  tenant TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  legs TEXT NOT NULL,
  side TEXT NOT NULL,
  quantity TEXT NOT NULL,
  order_type TEXT NOT NULL,
  time_in_force TEXT NOT NULL,
  order_price TEXT,
  stop_price TEXT,
  protection_points TEXT,
  good_till TEXT,
  parent_order_id TEXT,
  reference_price TEXT,
  tx_equivalent_exposure TEXT NOT NULL,
  quote_age_seconds TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  source_signal_id TEXT NOT NULL,
  strategy_id TEXT NOT NULL,
  strategy_version TEXT NOT NULL,
  approval_id TEXT NOT NULL,
  direction TEXT NOT NULL,
  target_tx_equivalent TEXT NOT NULL,
  confidence TEXT NOT NULL,
  stop_distance_points TEXT,
  policy_bundle_hash TEXT NOT NULL,
  submitted_by TEXT NOT NULL,
  mandate_id TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (order_id)
) STRICT

CREATE INDEX ix_intents_approval_id ON intents (approval_id)

CREATE TABLE risk_evaluations (
  evaluation_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  approved INTEGER NOT NULL,
  reason TEXT NOT NULL,
  checks TEXT NOT NULL,
  further_checks TEXT NOT NULL,
  exposure_tx_equivalent TEXT,
  snapshot TEXT NOT NULL,
  snapshot_hash TEXT NOT NULL,
  intent_hash TEXT NOT NULL,
  policy_digest TEXT NOT NULL,
  evaluated_at TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  live_trading_enabled INTEGER NOT NULL,
  broker_api_called INTEGER NOT NULL,
  PRIMARY KEY (evaluation_id)
) STRICT

CREATE INDEX ix_risk_evaluations_evaluated_at ON risk_evaluations (evaluated_at)

CREATE TABLE risk_states (
  account_id TEXT NOT NULL,
  kill_switch_active INTEGER NOT NULL,
  broker_heartbeat_healthy INTEGER NOT NULL,
  heartbeat_at TEXT,
  updated_at TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE orders (
  order_id TEXT NOT NULL,
  order_reference TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  cl_ord_id TEXT NOT NULL,
  orig_cl_ord_id TEXT,
  cl_ord_ids TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  approval_request_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  strategy_id TEXT NOT NULL,
  strategy_version TEXT NOT NULL,
  source_signal_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  legs TEXT NOT NULL,
  order_type TEXT NOT NULL,
  limit_price TEXT,
  stop_price TEXT,
  protection_points TEXT,
  time_in_force TEXT NOT NULL,
  good_till TEXT,
  triggered_at TEXT,
  parent_order_id TEXT,
  quantity TEXT NOT NULL,
  approved_quantity TEXT NOT NULL,
  cum_quantity TEXT NOT NULL,
  leaves_quantity TEXT NOT NULL,
  rest_quantity TEXT NOT NULL,
  notional_sum TEXT NOT NULL,
  average_price TEXT,
  executions TEXT NOT NULL,
  late_fill_count INTEGER NOT NULL,
  state TEXT NOT NULL,
  state_beneath TEXT,
  cancel_pending INTEGER NOT NULL,
  cancel_id TEXT,
  pending_replace TEXT,
  replace_pending INTEGER NOT NULL,
  priority_at TEXT,
  event_sequence INTEGER NOT NULL,
  risk_evaluation_id TEXT,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  submitted_at TEXT,
  expires_at TEXT,
  paper_only INTEGER NOT NULL,
  live_trading_enabled INTEGER NOT NULL,
  broker_api_called INTEGER NOT NULL,
  PRIMARY KEY (order_id)
) STRICT

CREATE INDEX ix_orders_account_id ON orders (account_id)

CREATE INDEX ix_orders_approval_request_id ON orders (approval_request_id)

CREATE INDEX ix_orders_created_at ON orders (created_at)

CREATE INDEX ix_orders_replace_pending ON orders (replace_pending)

CREATE INDEX ix_orders_source_signal_id ON orders (source_signal_id)

CREATE INDEX ix_orders_state ON orders (state)

CREATE TABLE order_events (
  order_event_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  event TEXT NOT NULL,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  cl_ord_id TEXT,
  at TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (order_event_id)
) STRICT

CREATE INDEX ix_order_events_order_id ON order_events (order_id)

CREATE TABLE execution_reports (
  report_id TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  cl_ord_id TEXT NOT NULL,
  orig_cl_ord_id TEXT,
  exec_id TEXT NOT NULL,
  execution_type TEXT NOT NULL,
  order_status TEXT NOT NULL,
  exec_type TEXT NOT NULL,
  ord_status TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  order_quantity TEXT NOT NULL,
  last_quantity TEXT NOT NULL,
  last_price TEXT,
  cumulative_filled_quantity TEXT NOT NULL,
  leaves_quantity TEXT NOT NULL,
  rest_quantity TEXT NOT NULL,
  average_fill_price TEXT,
  late INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  text TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  live_trading_enabled INTEGER NOT NULL,
  broker_api_called INTEGER NOT NULL,
  PRIMARY KEY (report_id)
) STRICT

CREATE INDEX ix_execution_reports_order_id ON execution_reports (order_id)

CREATE TABLE order_outbox (
  outbox_id TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  action TEXT NOT NULL,
  cl_ord_id TEXT,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  lease_owner TEXT,
  lease_until TEXT,
  maybe_sent INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  available_at TEXT NOT NULL,
  processed_at TEXT,
  last_error TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  live_trading_enabled INTEGER NOT NULL,
  broker_api_called INTEGER NOT NULL,
  PRIMARY KEY (outbox_id)
) STRICT

CREATE INDEX ix_order_outbox_created_at ON order_outbox (created_at)

CREATE INDEX ix_order_outbox_status_created_at ON order_outbox (status, created_at)

CREATE TABLE order_keys (
  idempotency_key TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  source_signal_id TEXT NOT NULL,
  payload_digest TEXT NOT NULL,
  created_at TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  live_trading_enabled INTEGER NOT NULL,
  broker_api_called INTEGER NOT NULL,
  PRIMARY KEY (idempotency_key)
) STRICT

CREATE TABLE fills (
  fill_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  leg_id TEXT NOT NULL,
  workflow_run_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  side TEXT NOT NULL,
  last_quantity TEXT NOT NULL,
  last_price TEXT NOT NULL,
  multiplier TEXT NOT NULL,
  tx_equivalent TEXT NOT NULL,
  currency TEXT NOT NULL,
  model_name TEXT NOT NULL,
  model_version TEXT NOT NULL,
  model_parameters TEXT NOT NULL,
  request TEXT NOT NULL,
  result TEXT NOT NULL,
  quote TEXT NOT NULL,
  quote_id TEXT NOT NULL,
  capacity TEXT NOT NULL,
  liquidity_score TEXT NOT NULL,
  slippage_ticks TEXT NOT NULL,
  slippage_reason TEXT NOT NULL,
  latency_ms INTEGER NOT NULL,
  queue_ahead TEXT,
  remaining_quantity TEXT NOT NULL,
  uses TEXT NOT NULL,
  touch INTEGER NOT NULL,
  seed TEXT NOT NULL,
  not_modelled TEXT NOT NULL,
  fees TEXT NOT NULL,
  late INTEGER NOT NULL,
  trading_day TEXT NOT NULL,
  session TEXT NOT NULL,
  occurred_at TEXT NOT NULL,
  recorded_at TEXT NOT NULL,
  paper_only INTEGER NOT NULL,
  PRIMARY KEY (fill_id)
) STRICT

CREATE INDEX ix_fills_occurred_at ON fills (occurred_at)

CREATE INDEX ix_fills_order_id ON fills (order_id)

CREATE INDEX ix_fills_trading_day ON fills (trading_day)

CREATE TABLE accounts (
  account_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  account_group TEXT NOT NULL,
  currency TEXT NOT NULL,
  opening_cash TEXT NOT NULL,
  cash TEXT NOT NULL,
  realized_pnl TEXT NOT NULL,
  fees_paid TEXT NOT NULL,
  tax_paid TEXT NOT NULL,
  books TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE INDEX ix_accounts_tenant ON accounts (tenant)

CREATE TABLE positions (
  position_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  kind TEXT NOT NULL,
  quantity TEXT NOT NULL,
  average_price TEXT,
  cost_sum TEXT NOT NULL,
  multiplier TEXT NOT NULL,
  tx_equivalent TEXT NOT NULL,
  realized_pnl TEXT NOT NULL,
  fees TEXT NOT NULL,
  lot_cost_sum TEXT NOT NULL,
  lot_realized_pnl TEXT NOT NULL,
  first_lot INTEGER NOT NULL,
  next_lot INTEGER NOT NULL,
  currency TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (position_id)
) STRICT

CREATE INDEX ix_positions_account_id ON positions (account_id)

CREATE TABLE ledger_entries (
  entry_id TEXT NOT NULL,
  cause_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  debit_account TEXT NOT NULL,
  credit_account TEXT NOT NULL,
  amount TEXT NOT NULL,
  currency TEXT NOT NULL,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  PRIMARY KEY (entry_id)
) STRICT

CREATE INDEX ix_ledger_entries_account_id ON ledger_entries (account_id)

CREATE INDEX ix_ledger_entries_trading_day ON ledger_entries (trading_day)

CREATE TABLE daily_pnl (
  daily_pnl_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  realized_pnl TEXT NOT NULL,
  costs TEXT NOT NULL,
  net_realized TEXT NOT NULL,
  currency TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (daily_pnl_id)
) STRICT

CREATE TABLE log_key_changes (
  change_id TEXT NOT NULL,
  vkey TEXT NOT NULL,
  note TEXT NOT NULL,
  changed_at TEXT NOT NULL,
  PRIMARY KEY (change_id)
) STRICT

CREATE TABLE erasures (
  erasure_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  basis TEXT NOT NULL,
  commitments TEXT NOT NULL,
  erased_by TEXT NOT NULL,
  erased_at TEXT NOT NULL,
  PRIMARY KEY (erasure_id)
) STRICT

CREATE TABLE holds (
  hold_id TEXT NOT NULL,
  streams TEXT NOT NULL,
  matter TEXT NOT NULL,
  placed_by TEXT NOT NULL,
  placed_at TEXT NOT NULL,
  released_by TEXT,
  released_at TEXT,
  PRIMARY KEY (hold_id)
) STRICT

CREATE TABLE purges (
  purge_id TEXT NOT NULL,
  ranges TEXT NOT NULL,
  policy_digest TEXT NOT NULL,
  plan_digest TEXT NOT NULL,
  planned_by TEXT NOT NULL,
  planned_at TEXT NOT NULL,
  status TEXT NOT NULL,
  approvals TEXT NOT NULL,
  PRIMARY KEY (purge_id)
) STRICT

CREATE TABLE log_rollbacks (
  origin TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  vkey TEXT NOT NULL,
  old_origin TEXT NOT NULL,
  signed TEXT NOT NULL,
  checkpoint TEXT NOT NULL,
  kept TEXT NOT NULL,
  restored TEXT NOT NULL,
  reason TEXT NOT NULL,
  approvals TEXT NOT NULL,
  first_checkpoint TEXT NOT NULL,
  declared_at TEXT NOT NULL,
  PRIMARY KEY (origin)
) STRICT

CREATE TABLE local_accounts (
  account_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  password_set_at TEXT,
  totp_enrolled_at TEXT,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE federated_accounts (
  account_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  person_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  status TEXT NOT NULL,
  created_at TEXT NOT NULL,
  created_by TEXT NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE login_sessions (
  session_id TEXT NOT NULL,
  person_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  issuer TEXT NOT NULL,
  amr TEXT NOT NULL,
  acr TEXT NOT NULL,
  auth_time TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  idle_seconds INTEGER NOT NULL,
  token_digest TEXT,
  step_up_digest TEXT,
  claimed_roles TEXT,
  status TEXT NOT NULL,
  ended_at TEXT,
  ended_by TEXT,
  ended_reason TEXT NOT NULL,
  PRIMARY KEY (session_id)
) STRICT

CREATE TABLE batch_nonces (
  nonce TEXT NOT NULL,
  person_id TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  statement TEXT NOT NULL,
  PRIMARY KEY (nonce)
) STRICT

CREATE TABLE people_proposals (
  proposal_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  statement TEXT NOT NULL,
  signatures TEXT NOT NULL,
  status TEXT NOT NULL,
  opened_by TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  in_force_at TEXT,
  PRIMARY KEY (proposal_id)
) STRICT

CREATE TABLE access_reviews (
  review_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  list_digest TEXT NOT NULL,
  people_count INTEGER NOT NULL,
  attested_by TEXT NOT NULL,
  attested_at TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (review_id)
) STRICT

CREATE TABLE policy_evaluations (
  evaluation_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  principal TEXT NOT NULL,
  action TEXT NOT NULL,
  resource TEXT NOT NULL,
  entities TEXT NOT NULL,
  context TEXT NOT NULL,
  bundle_hash TEXT NOT NULL,
  verdict TEXT NOT NULL,
  rule_ids TEXT NOT NULL,
  codes TEXT NOT NULL,
  engine TEXT NOT NULL,
  evaluated_at TEXT NOT NULL,
  PRIMARY KEY (evaluation_id)
) STRICT

CREATE TABLE delegation_grants (
  grant_id TEXT NOT NULL,
  log_origin TEXT NOT NULL,
  tenant TEXT NOT NULL,
  delegator TEXT NOT NULL,
  delegate TEXT NOT NULL,
  stages TEXT NOT NULL,
  scope TEXT NOT NULL,
  meaning TEXT NOT NULL,
  valid_from TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  reason TEXT NOT NULL,
  nonce TEXT NOT NULL,
  issued_at TEXT NOT NULL,
  key_id TEXT NOT NULL,
  status TEXT NOT NULL,
  ended_at TEXT,
  ended_by TEXT,
  signature TEXT,
  PRIMARY KEY (grant_id)
) STRICT

CREATE TABLE case_comments (
  comment_id TEXT NOT NULL,
  approval_request_id TEXT NOT NULL,
  request_version INTEGER NOT NULL,
  tenant TEXT NOT NULL,
  person_id TEXT NOT NULL,
  words TEXT NOT NULL,
  reply_to TEXT,
  created_at TEXT NOT NULL,
  PRIMARY KEY (comment_id)
) STRICT

CREATE TABLE policy_proposals (
  proposal_id TEXT NOT NULL,
  bundle_hash TEXT NOT NULL,
  version TEXT NOT NULL,
  files TEXT NOT NULL,
  author_ids TEXT NOT NULL,
  replaces TEXT NOT NULL,
  checks TEXT NOT NULL,
  diff_hash TEXT NOT NULL,
  proposed_by TEXT NOT NULL,
  proposed_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  PRIMARY KEY (proposal_id)
) STRICT

CREATE TABLE policy_votes (
  vote_id TEXT NOT NULL,
  proposal_id TEXT NOT NULL,
  bundle_hash TEXT NOT NULL,
  diff_hash TEXT NOT NULL,
  person_id TEXT NOT NULL,
  key_id TEXT NOT NULL,
  meaning TEXT NOT NULL,
  voted_at TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (vote_id)
) STRICT

CREATE TABLE lots (
  lot_id TEXT NOT NULL,
  position_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  number INTEGER NOT NULL,
  opened_by TEXT NOT NULL,
  opened_quantity TEXT NOT NULL,
  remaining_quantity TEXT NOT NULL,
  open_price TEXT NOT NULL,
  carry_price TEXT NOT NULL,
  multiplier TEXT NOT NULL,
  currency TEXT NOT NULL,
  realized_pnl TEXT NOT NULL,
  voided_by TEXT,
  trading_day TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (lot_id)
) STRICT

CREATE TABLE lot_closings (
  closing_id TEXT NOT NULL,
  lot_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  closed_by TEXT NOT NULL,
  quantity TEXT NOT NULL,
  basis_price TEXT NOT NULL,
  price TEXT NOT NULL,
  realized_pnl TEXT NOT NULL,
  currency TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (closing_id)
) STRICT

CREATE TABLE settlements (
  settlement_id TEXT NOT NULL,
  position_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  kind TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  price TEXT NOT NULL,
  source TEXT NOT NULL,
  quantity TEXT NOT NULL,
  multiplier TEXT NOT NULL,
  tx_equivalent TEXT NOT NULL,
  variation TEXT NOT NULL,
  to_cash INTEGER NOT NULL,
  fees TEXT NOT NULL,
  unverified TEXT NOT NULL,
  currency TEXT NOT NULL,
  at TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  PRIMARY KEY (settlement_id)
) STRICT

CREATE INDEX ix_settlements_trading_day ON settlements (trading_day)

CREATE TABLE fill_reversals (
  fill_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  realized_change TEXT NOT NULL,
  costs_returned TEXT NOT NULL,
  currency TEXT NOT NULL,
  reason TEXT NOT NULL,
  reversed_by TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  at TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  PRIMARY KEY (fill_id)
) STRICT

CREATE TABLE risk_switches (
  switch_id TEXT NOT NULL,
  scope TEXT NOT NULL,
  tenant TEXT NOT NULL,
  subject TEXT,
  state TEXT NOT NULL,
  kill_switch_active INTEGER NOT NULL,
  set_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (switch_id)
) STRICT

CREATE TABLE risk_counters (
  account_id TEXT NOT NULL,
  orders_total INTEGER NOT NULL,
  trading_day TEXT NOT NULL,
  orders_today INTEGER NOT NULL,
  cancels_today INTEGER NOT NULL,
  second TEXT NOT NULL,
  orders_this_second INTEGER NOT NULL,
  messages_this_second INTEGER NOT NULL,
  repeat_of TEXT NOT NULL,
  repeats INTEGER NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE strategy_exposures (
  exposure_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  strategy_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  contracts TEXT NOT NULL,
  tx_equivalent TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (exposure_id)
) STRICT

CREATE INDEX ix_strategy_exposures_strategy_id ON strategy_exposures (strategy_id)

CREATE TABLE risk_overrides (
  override_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  terms TEXT NOT NULL,
  status TEXT NOT NULL,
  signatures TEXT NOT NULL,
  signed_by TEXT NOT NULL,
  opened_at TEXT NOT NULL,
  in_force_at TEXT,
  ended_at TEXT,
  PRIMARY KEY (override_id)
) STRICT

CREATE INDEX ix_risk_overrides_account_id ON risk_overrides (account_id)

CREATE TABLE client_order_ids (
  cl_ord_id TEXT NOT NULL,
  order_id TEXT NOT NULL,
  action TEXT NOT NULL,
  created_at TEXT NOT NULL,
  PRIMARY KEY (cl_ord_id)
) STRICT

CREATE TABLE broker_reports (
  exec_id TEXT NOT NULL,
  gateway TEXT NOT NULL,
  order_id TEXT,
  sequence INTEGER NOT NULL,
  disposition TEXT NOT NULL,
  problem TEXT NOT NULL,
  report TEXT NOT NULL,
  ingested_at TEXT NOT NULL,
  PRIMARY KEY (exec_id)
) STRICT

CREATE INDEX ix_broker_reports_order_id ON broker_reports (order_id)

CREATE TABLE gateway_cursors (
  gateway TEXT NOT NULL,
  sequence INTEGER NOT NULL,
  updated_at TEXT NOT NULL,
  PRIMARY KEY (gateway)
) STRICT

CREATE TABLE reconciliation_runs (
  run_id TEXT NOT NULL,
  gateway TEXT,
  read_to INTEGER NOT NULL,
  orders INTEGER NOT NULL,
  reports INTEGER NOT NULL,
  fills INTEGER NOT NULL,
  accounts INTEGER NOT NULL,
  critical INTEGER NOT NULL,
  warnings INTEGER NOT NULL,
  differences TEXT NOT NULL,
  findings TEXT NOT NULL,
  started_by TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (run_id)
) STRICT

CREATE TABLE account_locks (
  account_id TEXT NOT NULL,
  locked INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  open TEXT NOT NULL,
  orders TEXT NOT NULL,
  accepted TEXT NOT NULL,
  locked_at TEXT NOT NULL,
  resolved_by TEXT,
  resolution TEXT,
  resolved_at TEXT,
  terms TEXT,
  signature TEXT,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE duty_rounds (
  duty TEXT NOT NULL,
  inputs TEXT NOT NULL,
  counts TEXT NOT NULL,
  findings TEXT NOT NULL,
  started_by TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (duty)
) STRICT

CREATE TABLE calibration_runs (
  run_id TEXT NOT NULL,
  symbol TEXT NOT NULL,
  data_version TEXT NOT NULL,
  prints INTEGER NOT NULL,
  terms TEXT NOT NULL,
  rows TEXT NOT NULL,
  report TEXT NOT NULL,
  started_by TEXT NOT NULL,
  at TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  PRIMARY KEY (run_id)
) STRICT

CREATE TABLE account_losses (
  account_id TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  level TEXT NOT NULL,
  realized_loss_twd TEXT NOT NULL,
  loss_twd TEXT,
  equity_twd TEXT,
  daily_loss_max_twd TEXT NOT NULL,
  portfolio_loss_max_twd TEXT,
  state TEXT,
  at TEXT NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE lots_taken (
  lot_id TEXT NOT NULL,
  bought TEXT NOT NULL,
  sold TEXT NOT NULL,
  prints TEXT NOT NULL,
  PRIMARY KEY (lot_id)
) STRICT

CREATE TABLE market_marks (
  symbol TEXT NOT NULL,
  quote_id TEXT NOT NULL,
  bid TEXT NOT NULL,
  ask TEXT NOT NULL,
  last TEXT,
  basis TEXT NOT NULL,
  source TEXT NOT NULL,
  event_time TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (symbol)
) STRICT

CREATE TABLE carried_books (
  account_id TEXT NOT NULL,
  through_day TEXT NOT NULL,
  cash TEXT NOT NULL,
  costs TEXT NOT NULL,
  tax TEXT NOT NULL,
  positions TEXT NOT NULL,
  entries INTEGER NOT NULL,
  fills INTEGER NOT NULL,
  settlements INTEGER NOT NULL,
  reversals INTEGER NOT NULL,
  run_id TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (account_id)
) STRICT

CREATE TABLE control_attestations (
  attestation_id TEXT NOT NULL,
  tenant TEXT NOT NULL,
  control_id TEXT NOT NULL,
  control_digest TEXT NOT NULL,
  states TEXT NOT NULL,
  reason TEXT NOT NULL,
  file_digest TEXT,
  valid_until TEXT NOT NULL,
  attested_by TEXT NOT NULL,
  attested_at TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (attestation_id)
) STRICT

CREATE TABLE day_statements (
  statement_id TEXT NOT NULL,
  account_id TEXT NOT NULL,
  trading_day TEXT NOT NULL,
  ended_at TEXT NOT NULL,
  currency TEXT NOT NULL,
  cash TEXT NOT NULL,
  market_value TEXT NOT NULL,
  equity TEXT NOT NULL,
  costs TEXT NOT NULL,
  positions TEXT NOT NULL,
  at TEXT NOT NULL,
  simulated INTEGER NOT NULL,
  PRIMARY KEY (statement_id)
) STRICT

CREATE TABLE audit_openings (
  commitment TEXT NOT NULL,
  nonce BLOB NOT NULL,
  ciphertext BLOB NOT NULL,
  person_id TEXT NOT NULL,
  PRIMARY KEY (commitment)
) STRICT

CREATE INDEX ix_audit_openings_person_id ON audit_openings (person_id)

CREATE TABLE audit_outbox (
  position INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  draft BLOB NOT NULL,
  digest TEXT NOT NULL,
  PRIMARY KEY (position),
  UNIQUE (event_id)
) STRICT

CREATE TRIGGER guard_audit_records_update BEFORE UPDATE ON audit_records WHEN NOT (NEW.body = x'' AND OLD.stream LIKE 'case:%' AND NEW.seq = OLD.seq AND NEW.prev = OLD.prev AND NEW.stream = OLD.stream AND NEW.stream_seq = OLD.stream_seq AND NEW.stream_prev = OLD.stream_prev AND NEW.event_id = OLD.event_id AND NEW.type = OLD.type AND NEW.occurred_at = OLD.occurred_at AND NEW.recorded_at = OLD.recorded_at AND NEW.leaf_hash = OLD.leaf_hash AND EXISTS (SELECT 1 FROM audit_records AS told, json_each(CAST(told.body AS TEXT), '$.after.documents.purges[0].ranges') AS part WHERE told.stream = 'retention' AND told.type = 'retention.purged' AND told.seq > OLD.seq AND told.seq < (SELECT MAX(size) FROM audit_checkpoints) AND json_extract(part.value, '$.stream') = OLD.stream AND OLD.seq BETWEEN json_extract(part.value, '$.first') AND json_extract(part.value, '$.last'))) BEGIN SELECT RAISE(ABORT, 'audit_records is append-only'); END

CREATE TRIGGER guard_audit_records_delete BEFORE DELETE ON audit_records BEGIN SELECT RAISE(ABORT, 'audit_records is append-only'); END

CREATE TRIGGER guard_audit_checkpoints_update BEFORE UPDATE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END

CREATE TRIGGER guard_audit_checkpoints_delete BEFORE DELETE ON audit_checkpoints BEGIN SELECT RAISE(ABORT, 'audit_checkpoints is append-only'); END

CREATE TRIGGER guard_audit_tiles_update BEFORE UPDATE ON audit_tiles BEGIN SELECT RAISE(ABORT, 'audit_tiles is append-only'); END

CREATE TRIGGER guard_audit_tiles_delete BEFORE DELETE ON audit_tiles BEGIN SELECT RAISE(ABORT, 'audit_tiles is append-only'); END

CREATE TRIGGER guard_audit_openings_update BEFORE UPDATE ON audit_openings BEGIN SELECT RAISE(ABORT, 'audit_openings is append-only'); END

CREATE TRIGGER guard_audit_head_delete BEFORE DELETE ON audit_head BEGIN SELECT RAISE(ABORT, 'audit_head is append-only'); END

CREATE TRIGGER guard_audit_records_insert BEFORE INSERT ON audit_records WHEN NEW.seq <> (SELECT COALESCE(MAX(seq) + 1, 0) FROM audit_records) OR NEW.prev <> COALESCE((SELECT leaf_hash FROM audit_records ORDER BY seq DESC LIMIT 1), hex(zeroblob(32))) BEGIN SELECT RAISE(ABORT, 'a record enters only at the head'); END

CREATE TRIGGER guard_audit_checkpoints_insert BEFORE INSERT ON audit_checkpoints WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE size >= NEW.size) BEGIN SELECT RAISE(ABORT, 'checkpoints only grow'); END
