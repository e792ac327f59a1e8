-- I12: at most one logical mail and one document per (subject, kind), and a receipt for every
-- payment that was completed; no two mails share a Message-ID; a stored file is what its hash says. Called by audit.rows. Reads every stored file
-- once, to hash it; no locks.
WITH offenders (what) AS (
    SELECT subject_id || ': ' || count(*) || ' mails of kind ' || kind
    FROM email_deliveries GROUP BY subject_id, kind HAVING count(*) > 1
    UNION ALL
    SELECT p.id || ': completed, and no receipt was written'
    FROM payments p WHERE p.status = 'completed' AND NOT EXISTS (
        SELECT FROM email_deliveries e WHERE e.subject_id = p.id AND e.kind = 'receipt')
    UNION ALL
    SELECT message_id || ': on ' || count(*) || ' mails'
    FROM email_deliveries GROUP BY message_id HAVING count(*) > 1
    UNION ALL
    SELECT subject_id || ': ' || count(*) || ' documents of kind ' || kind
    FROM documents GROUP BY subject_id, kind HAVING count(*) > 1
    UNION ALL
    SELECT d.subject_id || ': its ' || d.kind || ' has no file'
    FROM documents d LEFT JOIN stored_files f ON f.hash = d.file_hash WHERE f.hash IS NULL
    UNION ALL
    SELECT 'file ' || hash || ': its bytes have another hash'
    FROM stored_files WHERE hash <> encode(sha256(content), 'hex')
)
SELECT (SELECT count(*) FROM email_deliveries) + (SELECT count(*) FROM documents) AS checked,
       (SELECT count(*) FROM offenders) AS failed,
       ARRAY(SELECT what FROM offenders ORDER BY what LIMIT :examples_max) AS examples
