"""What customers read: PDF documents and the texts of mails.

``frozen`` fixes what a document says, as JSON, in the transaction that numbers it. ``view`` turns
that into the strings to print, ``pdf`` into bytes. No step asks the database or the clock, so the
same document is the same bytes, whenever and wherever it is rendered.
"""
