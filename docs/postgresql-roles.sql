-- The roles of processes that must do no more than their part (docs/operate.md). Run once as the owner of the
-- databases, and again after each upgrade: each section in the database that it names, all of it repeatable.
-- `flask --app app init` runs as the owner. So do worker and staff processes, but in the ledger: there each has a login
-- of its own, which its INQUIRIES_LEDGER_URL names, and who appends cannot change, who prunes cannot read:
--
--     CREATE ROLE inquiries_staff LOGIN PASSWORD '…' IN ROLE inquiries_ledger_writer;
--     CREATE ROLE inquiries_worker LOGIN PASSWORD '…' IN ROLE inquiries_ledger_writer;
--     GRANT inquiries_ledger_prune TO inquiries_worker WITH INHERIT FALSE, SET TRUE; -- PostgreSQL 16 or newer

-- == cluster: in any database ==

DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_public') THEN
    CREATE ROLE inquiries_public LOGIN; -- give it a password, or name it in pg_hba.conf
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_ledger_writer') THEN
    CREATE ROLE inquiries_ledger_writer NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_ledger_prune') THEN
    CREATE ROLE inquiries_ledger_prune NOLOGIN;
  END IF;
END $$;

-- == live: the public surface receives, shows, inserts requests and answers; it changes and deletes nothing ==

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM inquiries_public;
GRANT USAGE ON SCHEMA public TO inquiries_public;
GRANT SELECT ON alembic_version, policies, notices, epochs, openings, requests TO inquiries_public;
GRANT SELECT (id, type, state, channel, language, policy_version, received_at, answered_at, closed_at,
              receipt_lookup),
      INSERT (id, type, state, channel, language, policy_version, received_at, receipt_lookup)
  ON inquiries TO inquiries_public;
GRANT SELECT (id, inquiry_id, name, due_at, sealed, evidence),
      INSERT (id, inquiry_id, name, due_at, sealed, evidence)
  ON inquiry_groups TO inquiries_public;
GRANT SELECT,
      INSERT (inquiry_id, purpose, given, policy_version, notice_digest, notice_shown, language, recorded_at)
  ON consents TO inquiries_public;
GRANT SELECT (inquiry_id, epoch, sealed, receipt_lookup, once),
      INSERT (inquiry_id, epoch, sealed, receipt_lookup, once)
  ON envelopes TO inquiries_public;
GRANT INSERT (id, inquiry_id, kind, subject, group_name, channel, asked_at, target_at, limit_at, sealed, proof)
  ON requests TO inquiries_public;
-- Of what is written to and fro it inserts her answers alone, and sees no note of staff.
GRANT SELECT, INSERT (id, inquiry_id, kind, written_by, written_at, once, sealed) ON thread TO inquiries_public;
ALTER TABLE thread ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS hers ON thread;
CREATE POLICY hers ON thread FOR SELECT TO inquiries_public USING (kind <> 'note');
DROP POLICY IF EXISTS her_answers ON thread;
CREATE POLICY her_answers ON thread FOR INSERT TO inquiries_public
  WITH CHECK (kind = 'answer' AND written_by IS NULL);
GRANT SELECT (inquiry_id, until, confirmed_at), INSERT (inquiry_id, asked_at, until) ON guardians TO inquiries_public;
GRANT SELECT (group_id) ON claims TO inquiries_public;
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

-- == ledger: staff processes and the worker append and read; not the public surface's ==

DO $$ BEGIN
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format(
    'GRANT CONNECT ON DATABASE %I TO inquiries_ledger_writer, inquiries_ledger_prune', current_database()
  );
END $$;

REVOKE ALL ON SCHEMA public FROM PUBLIC, inquiries_ledger_writer, inquiries_ledger_prune;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, inquiries_ledger_writer, inquiries_ledger_prune;
GRANT USAGE ON SCHEMA public TO inquiries_ledger_writer, inquiries_ledger_prune;
GRANT SELECT, INSERT ON entries, bodies, seals TO inquiries_ledger_writer;
GRANT SELECT ON alembic_version TO inquiries_ledger_writer;

-- The prune role deletes bodies whose period is over, and sees of them no more than that. That it is over is judged
-- by the database: by the spine, which nobody here may change, and by the server's own clock.
GRANT SELECT (chain, n, until) ON entries TO inquiries_ledger_prune;
GRANT SELECT (chain, n, expires_at), DELETE ON bodies TO inquiries_ledger_prune;

ALTER TABLE bodies ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS read ON bodies;
DROP POLICY IF EXISTS appended ON bodies;
DROP POLICY IF EXISTS ended ON bodies;
CREATE POLICY read ON bodies FOR SELECT TO inquiries_ledger_writer, inquiries_ledger_prune USING (true);
CREATE POLICY appended ON bodies FOR INSERT TO inquiries_ledger_writer WITH CHECK (true);
CREATE POLICY ended ON bodies FOR DELETE TO inquiries_ledger_prune USING (
  EXISTS (
    SELECT FROM entries
    WHERE entries.chain = bodies.chain AND entries.n = bodies.n
      AND entries.until <= (extract(epoch FROM now()) * 1000000)::bigint
  )
);
