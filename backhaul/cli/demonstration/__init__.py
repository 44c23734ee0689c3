"""What `backhaul demo` plays: two ISPs, their resellers, their customers, and some months of their business.

Everything goes through the services that pages and commands use, so a demo proves itself like any other data. Every
step can be played again and changes nothing then: a demo that was interrupted is simply played once more.
"""
