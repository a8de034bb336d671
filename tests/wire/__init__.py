"""What we send, held against what the official SDKs send for the same inputs.

`cases.py` has the inputs, `recordings/` what the SDKs sent, `differences.py` every difference with its reason.
`make test-wire` installs the newest SDKs beside this project, records anew and compares.
"""
