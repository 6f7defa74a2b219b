"""Programs that the tests of the hall run as clients of the engine."""

TWICE = """
import asyncio, sys
from prefect import flow
from counterseal.kernel.errors import AdapterError, IntegrityError
from flows.runs import drain, milestone
tried = []
errors = {
    "world": AdapterError("DATABASE_FAILED", "busy", retriable=True),
    "lasting": AdapterError("DATABASE_FAILED", "gone"),
    "evidence": IntegrityError("LOG_TAMPERED", "changed"),
}
@milestone
async def failing(name: str) -> None:
    tried.append(name)
    if tried.count(name) == 1:
        raise errors[name]
@flow
async def probe(name: str) -> None:
    await failing(name)
async def main() -> None:
    for name in errors:
        state = await probe(name, return_state=True)
        tried.append(state.type.value)
asyncio.run(main())
drain()
print(*tried)
"""
SAVE = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
block = CustomWebhookNotificationBlock(
    name="desk", url=sys.argv[1], json_data={"text": "{{body}}", "title": "{{subject}}"}
)
block.save("desk", overwrite=True)
print("saved")
"""
DAY = """
import asyncio, json, sys
from pathlib import Path
from counterseal.policy.words import DecisionWord
from flows.execute import execute
from flows.inbox import keep
from flows.intake import intake
from flows.runs import drain
from flows.work import claim
from flows.workplace import Workplace, working_at
from tests.flows.test_work import SIGNAL, TERMS
from tests.world import World

world = World(Path(sys.argv[1]) / "home")
place = Workplace(
    world.settings, clock=world.clock, feed=world.feed, service_id="quant", desk=world.desk
)
async def day() -> dict[str, object]:
    source = keep(world.settings, json.dumps([SIGNAL]).encode())
    asked = await intake(source, keep(world.settings, json.dumps([TERMS]).encode()))
    request = asked.requests[0].subject_id
    world.done(world.reviewed(request, "researcher", DecisionWord.RESEARCH_APPROVED))
    world.done(world.reviewed(request, "risk", DecisionWord.APPROVED_FOR_PAPER))
    due = claim(place, world.mandate(), "claim-1")
    done = await execute(due.step.subject_id, due.attempt)
    return {
        "asked": [step.codes for step in asked.requests],
        "orders": [step.codes for step in done.orders],
        "fills": len(world.fills()),
        "verdict": world.verdict().exit_status,
    }
with working_at(place):
    found = asyncio.run(day())
drain()
print(json.dumps(found))
"""
