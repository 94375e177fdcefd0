"""Bugs that are planted in the database of a prepared folder, so that no build is needed: each undoes behind the server's back
what an operation has just stored. A judge that does not find them is blind, and its green is void."""

import sqlite3

TRIGGERS = {
    # The code is marked, and then it is not: it can be redeemed again.
    "redeem": "AFTER UPDATE ON grants WHEN OLD.state = 'code' AND NEW.state = 'active' BEGIN "
    "UPDATE grants SET state = 'code', generation = 0 WHERE id = NEW.id; END",
    # The generation falls back: the successor is unknown.
    "refresh": "AFTER UPDATE ON grants WHEN NEW.generation = OLD.generation + 1 AND OLD.state = 'active' BEGIN "
    "UPDATE grants SET generation = OLD.generation WHERE id = NEW.id; END",
    # What was ended goes on.
    "revoke": "AFTER UPDATE ON grants WHEN NEW.state = 'ended' BEGIN "
    "UPDATE grants SET state = 'active', epoch = OLD.epoch WHERE id = NEW.id; END",
    # The page says yes, and nothing is remembered.
    "approve": "AFTER INSERT ON consents BEGIN DELETE FROM consents WHERE user_id = NEW.user_id AND app_id = NEW.app_id; END",
    # Of two entries one loses its place again: a gap.
    "link": "AFTER UPDATE ON audit WHEN NEW.number IS NOT NULL AND NEW.action = 'grant.redeem' BEGIN "
    "UPDATE audit SET number = NULL, link = NULL WHERE id = NEW.id; END",
    # Of two documents one is stored.
    "accept": "AFTER INSERT ON acceptances WHEN (SELECT count(*) FROM acceptances WHERE user_id = NEW.user_id) > 1 BEGIN "
    "DELETE FROM acceptances WHERE user_id = NEW.user_id AND document_id = NEW.document_id; END",
}


def plant(folder, operation):
    """Plants the bug of an operation in a folder that no server uses."""
    connection = sqlite3.connect(folder / "grantor.db")
    connection.execute(f"CREATE TRIGGER planted {TRIGGERS[operation]}")
    connection.commit()
    connection.close()
