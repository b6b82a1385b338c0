"""Every provider, simulated on loopback: real HTTP, real pictures, their documented words, and faults at will.

Faults are set through the control routes of a simulator (`POST /_control/faults {"callback_drop": true}`), or by a
marker in the prompt of one task (`a cat [[callback_drop]]`, `[[submit_status=503]]`), so that an outside harness needs
no control route at all. `faults.py` lists them.
"""
