"""System calls caught before the kernel acts on them: enforcement where namespaces are forbidden, and the refusal ledger.

A filter (`filter`) lets everything pass that can't be refused by an environment. The rest waits until the supervisor
(`supervisor`), a thread outside of the filter, has looked at its arguments (`target`) and judged it (`judgement`).
"""
