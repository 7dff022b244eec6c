"""Work on bytes from outside, done by child processes that may die.

A child has limits on memory and time, knows no secret of its parent, and answers in JSON and plain
bytes, so that a decoder that is taken over can neither run code in the parent nor take it along.
"""

from tl_core.sandbox.child import Allowance, Answer, Child, ChildDied, Content, Death, Refusal

__all__ = ["Allowance", "Answer", "Child", "ChildDied", "Content", "Death", "Refusal"]
