"""Every port of the store over one database, whichever the dialect.

Never lives here: a subject; each has its module beside this one. Opening, migrating, owning, which are the dialect's.
"""

from __future__ import annotations

from esteio.store.ports.inspection import Inspection
from esteio.store.sql.approvals import SqlApprovals
from esteio.store.sql.audit.audit_log import SqlAudit
from esteio.store.sql.audit.sealed import SqlSealed
from esteio.store.sql.db import Database
from esteio.store.sql.decisions import SqlDecisions
from esteio.store.sql.delivery.dead_letters import SqlDeadLetters
from esteio.store.sql.delivery.delivery import SqlDeliveryQueue
from esteio.store.sql.delivery.event_log import SqlEventLog
from esteio.store.sql.delivery.webhook_endpoints import SqlWebhookEndpoints
from esteio.store.sql.fleet import SqlFleet
from esteio.store.sql.history.outages import SqlHistory
from esteio.store.sql.history.status_pages import SqlStatusPages
from esteio.store.sql.inbox.history_gaps import SqlHistoryGaps
from esteio.store.sql.inbox.inbox import SqlInbox
from esteio.store.sql.keys import SqlKeys
from esteio.store.sql.maintenance import SqlMaintenance
from esteio.store.sql.messages.contacts import SqlContacts
from esteio.store.sql.messages.history import SqlMessageHistory
from esteio.store.sql.messages.media import SqlMedia
from esteio.store.sql.messages.messages import SqlMessages
from esteio.store.sql.messages.outbox import SqlDoubts, SqlOutbox
from esteio.store.sql.messages.provider_queue import SqlProviderQueue
from esteio.store.sql.messages.traffic import SqlTraffic
from esteio.store.sql.nodes.inspection import SqlInspection
from esteio.store.sql.nodes.nodes import SqlNodes
from esteio.store.sql.qr_codes import SqlPairLinks, SqlQrCodes
from esteio.store.sql.servers import SqlServers
from esteio.store.sql.sessions import SqlSessions
from esteio.store.sql.tenants import SqlTenants
from esteio.store.sql.timeline import SqlJournal
from esteio.store.sql.work import SqlWorkQueue


class SqlStore:
    """A subject for each port of `Store`."""

    def __init__(self, database: Database) -> None:
        self.servers = SqlServers(database)
        self.sessions = SqlSessions(database)
        self.fleet = SqlFleet(database)
        self.decisions = SqlDecisions(database)
        self.journal = SqlJournal(database)
        self.history = SqlHistory(database)
        self.status_pages = SqlStatusPages(database)
        self.approvals = SqlApprovals(database)
        self.qr_codes = SqlQrCodes(database)
        self.pair_links = SqlPairLinks(database)
        self.work = SqlWorkQueue(database)
        self.messages = SqlMessages(database)
        self.message_history = SqlMessageHistory(database)
        self.outbox = SqlOutbox(database)
        self.doubts = SqlDoubts(database)
        self.provider_queue = SqlProviderQueue(database)
        self.inbox = SqlInbox(database)
        self.history_gaps = SqlHistoryGaps(database)
        self.traffic = SqlTraffic(database)
        self.media = SqlMedia(database)
        self.contacts = SqlContacts(database)
        self.events = SqlEventLog(database)
        self.webhook_endpoints = SqlWebhookEndpoints(database)
        self.delivery = SqlDeliveryQueue(database)
        self.dead_letters = SqlDeadLetters(database)
        self.keys = SqlKeys(database)
        self.audit = SqlAudit(database)
        self.sealed = SqlSealed(database)
        self.tenants = SqlTenants(database)
        self.maintenance = SqlMaintenance(database)
        self.nodes = SqlNodes(database)
        self.inspection: Inspection = SqlInspection(database)
