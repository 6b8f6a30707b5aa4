"""A net under every change: digests of computed masks, recorded once and compared ever after.

``python -m tests.net`` computes all of them and prints what differs from the record; it writes nothing.
``python -m tests.net --write`` prints the same and then records it. Words after that choose the keys that
hold one of them: ``python -m tests.net --write Boundary``. A change of the record is a change of behaviour,
and the message of its commit says why.
"""
