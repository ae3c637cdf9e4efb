-- The roles of processes that must do no more than their part (docs/operate.md). Run once as the owner of the
-- databases, and again after each upgrade: each section in the database that it names, all of it repeatable.
-- The owner's own role is the worker's and the staff processes'; `flask --app app init` runs as the owner, too.

-- == cluster: in any database ==

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_public') THEN
    CREATE ROLE inquiries_public LOGIN; -- give it a password, or name it in pg_hba.conf
  END IF;
END $$;

-- == live: the public surface receives, shows, and inserts requests; it changes and deletes nothing ==

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM inquiries_public;
GRANT USAGE ON SCHEMA public TO inquiries_public;
GRANT SELECT ON alembic_version, policies, notices, epochs, openings, requests TO inquiries_public;
GRANT SELECT (id, type, state, channel, language, policy_version, received_at, answered_at, closed_at,
              receipt_lookup, once),
      INSERT (id, type, state, channel, language, policy_version, received_at, receipt_lookup, once)
  ON inquiries TO inquiries_public;
GRANT SELECT (id, inquiry_id, name, due_at, claimed_at, sealed),
      INSERT (id, inquiry_id, name, due_at, sealed)
  ON inquiry_groups TO inquiries_public;
GRANT SELECT,
      INSERT (inquiry_id, purpose, given, policy_version, notice_digest, notice_shown, language, recorded_at)
  ON consents TO inquiries_public;
GRANT SELECT (inquiry_id, epoch, sealed), INSERT (inquiry_id, epoch, sealed) ON envelopes TO inquiries_public;
GRANT INSERT (id, inquiry_id, kind, subject, group_name, channel, asked_at, target_at, limit_at, sealed, proof)
  ON requests TO inquiries_public;
GRANT SELECT (inquiry_id, until, released_at) ON holds TO inquiries_public;
GRANT SELECT (inquiry_id, until) ON archivals TO inquiries_public;

-- == keys: of living keys the receipt's wrap alone, of destroyed ones what a certificate says ==

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM inquiries_public;
GRANT USAGE ON SCHEMA public TO inquiries_public;
GRANT SELECT ON alembic_version, epochs, proofs TO inquiries_public;
GRANT SELECT (id, inquiry_id, group_name, epoch, receipt_wrap, receipt_lookup, destroyed_at, reason, type,
              due_at, policy_version, rule, intent)
  ON keys TO inquiries_public;

-- == archive: not the public surface's ==

DO $$ BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
END $$;

-- == ledger: not the public surface's ==

DO $$ BEGIN
  EXECUTE format('REVOKE CONNECT ON DATABASE %I FROM PUBLIC', current_database());
END $$;
