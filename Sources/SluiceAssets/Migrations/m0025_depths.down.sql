DROP TABLE queue_depths;
