"""The hall: Prefect says when, how often, where and again; it knows no rule and no decision."""
