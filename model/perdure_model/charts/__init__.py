"""What states there are, and what may follow.

Law of this folder: charts declare and do nothing. Guards and actions are names; what a guard reads and an
action does is decided by the rules in `core/`.
"""
