"""Scripts for developers: names, planted bugs, and the OpenMP library that LightGBM links.

`make check`, `make mutants` and `make install` run them; the product never imports them.
"""
