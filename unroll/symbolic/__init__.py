"""The symbolic core: expressions, operations, recurrences and what is made from them."""
