"""Television: sources and channels, what is to be recorded, and what was.

`service.DvrService` holds the rules, `operations.operations` its rows. The recorder is a process of its
own (`gatewayd.dvr.media`); `client.RecorderClient` speaks to it.
"""
