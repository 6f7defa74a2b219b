"""The hall: Prefect says when, how often, where and again. It knows no rule and holds no decision."""
