"""What customers' words mean, in five languages: lexicons as data, and the parser that reads a query with them.

A foreign word means English ones; English words mean what the catalogue's own attributes and titles say.
"""
