# The checklist's commands. Each says what it looked at, and exits with the numbers of the original:
# 0 done, 1 missing or not passed, 2 unsafe settings or path, 3 unsafe flags. Our own commands keep
# their statuses. COUNTERSEAL_HOME names a home of yours, OUT a folder for documents.
CHECKLIST := seed-paper-execution-demo \
  paper-demo-evidence-export paper-broker-simulation-evidence-export paper-risk-evidence-export \
  paper-audit-integrity-check paper-simulation-submit-check paper-approval-workflow-check \
  paper-execution-workflow-check paper-execution-persistence-check paper-risk-guardrails-check \
  paper-oms-reliability-check paper-oms-timeout-check paper-compliance-approval-readiness-check \
  paper-risk-cross-account-readiness-check paper-broker-simulation-readiness-check \
  paper-oms-production-readiness-check paper-oms-productionization-blueprint-check \
  paper-audit-worm-readiness-check paper-audit-compliance-trail-readiness-check \
  browser-only-mock-demo-check mock-backend-demo-check

.PHONY: $(CHECKLIST) start-customer-demo

$(CHECKLIST): $(VENV)/app.done
	@$(BIN)/python -m ui.checklist $@

start-customer-demo: demo  ## a day in var/demo, then its pages and flows until stopped
	@$(BIN)/counterseal up
