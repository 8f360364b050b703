DELETE FROM kind_defaults WHERE kind IN (
    'retention.sweep', 'index.compact', 'freshness.check', 'statistics.refresh', 'cache.warm', 'backup.create', 'index.isolate'
);
DROP TABLE freshness_readings;
DROP TABLE freshness_targets;
