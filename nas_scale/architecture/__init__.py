"""What a network is: its values, its notation, spaces of networks, and the files they are kept in.

No torch, and nothing that counts, trains or searches.
"""
