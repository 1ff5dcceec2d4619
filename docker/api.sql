-- The role with which the HTTP server connects: it may do nothing but become the analyst.
CREATE ROLE authenticator LOGIN NOINHERIT PASSWORD :'password';
GRANT analyst TO authenticator;
