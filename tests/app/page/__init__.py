"""Tests of the pages. A package, because pytest lets fixtures of the scope "package" end with one alone."""
