"""Charts, each made from what a view gives; a table of the same numbers stands beside them."""
