-- Who may do what in the ledger's database on PostgreSQL 16 or newer: who appends cannot change, who prunes cannot
-- read. Run it as the owner of the tables (a superuser, or a role with CREATEROLE) in the ledger's database, after
-- `flask --app app init` and again after every upgrade; it may be run as often as you like.
--
-- Then let each process have a login of its own, named by its INQUIRIES_LEDGER_URL:
--
--     CREATE ROLE inquiries_web LOGIN PASSWORD '…' IN ROLE inquiries_ledger_writer;
--     CREATE ROLE inquiries_worker LOGIN PASSWORD '…' IN ROLE inquiries_ledger_writer;
--     GRANT inquiries_ledger_prune TO inquiries_worker WITH INHERIT FALSE, SET TRUE;
--
-- `flask --app app init` alone needs the owner.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_ledger_writer') THEN
        CREATE ROLE inquiries_ledger_writer NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'inquiries_ledger_prune') THEN
        CREATE ROLE inquiries_ledger_prune NOLOGIN;
    END IF;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO inquiries_ledger_writer, inquiries_ledger_prune', current_database()
    );
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC, inquiries_ledger_writer, inquiries_ledger_prune;
GRANT USAGE ON SCHEMA public TO inquiries_ledger_writer, inquiries_ledger_prune;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, inquiries_ledger_writer, inquiries_ledger_prune;

-- Web processes and the worker append and read.
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
        WHERE entries.chain = bodies.chain
            AND entries.n = bodies.n
            AND entries.until <= (extract(epoch FROM now()) * 1000000)::bigint
    )
);
