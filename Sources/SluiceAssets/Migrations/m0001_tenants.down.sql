DROP FUNCTION sluice_isolate(regclass);
DROP TABLE queues;
DROP TABLE tenants;
