-- The newest installed version of the schema. Called by schema.verify and install.
SELECT max(version) AS version FROM {schema}.schema_version
