"""What the commands do, in modules of the same names as theirs."""
