-- Who may act is sealed with a key that the owner of the database does not have: a unit, an account, a token or a link whose
-- MAC does not fit is not there. Rows of before are sealed by `sizao store seal-accounts`.
ALTER TABLE unit ADD COLUMN mac BLOB;
ALTER TABLE account ADD COLUMN mac BLOB;
ALTER TABLE api_token ADD COLUMN mac BLOB;
ALTER TABLE one_time_link ADD COLUMN mac BLOB;
