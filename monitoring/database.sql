-- Run once by the database of the compose profile `cluster`, as its superuser, when it is made.
CREATE EXTENSION vector;
