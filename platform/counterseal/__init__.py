"""The core of Counterseal, in the order in which a trade flows.

    market -> signals -> approvals -> (submit) -> risk -> oms -> broker -> portfolio   => audit

`desk` holds the use cases, `readiness` the boundary flags, `identity` the people and keys, `policy`
the rules, `kernel` the words that all of them share. A room reads only what lies upstream of it.
The core is pure: it takes values and ports and returns values.
"""
