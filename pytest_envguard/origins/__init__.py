"""Hosts that are served from folders: a local HTTPS server in place of the network, and who must trust it.

=============  =====================================================================================================
certificate    the authority and the certificate of the hosts, made by the controller when plans are made (`trustme`)
bundles        files with the certificates that clients trust: they get the authority's as well
outside        the server's process, which stays outside of the environment, and its sockets, which are made inside
server         connections, faults, the list of requests
files, hub     what is answered: paths of a folder; repositories, as huggingface.co answers
client         the fixture's value: asks the server over a socket that only the environment has
=============  =====================================================================================================

Whatever runs in the server's process has the standard library only.
"""
