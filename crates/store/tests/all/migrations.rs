//! The two folders of migrations make the same tables, columns and indexes.

use std::collections::BTreeSet;

use sizao_store::Place;
use sqlx::{Connection, PgConnection, SqliteConnection};

use crate::support::*;

type Names = BTreeSet<(String, String)>;

async fn of_sqlite(place: &Place) -> (Names, BTreeSet<String>) {
    let Place::Sqlite(path) = place else { unreachable!("a file") };
    let mut connection = SqliteConnection::connect(path.to_str().unwrap()).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND t.name NOT LIKE 'sqlite%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    let indexes: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
            .fetch_all(&mut connection)
            .await
            .unwrap();
    (columns.into_iter().collect(), indexes.into_iter().collect())
}

async fn of_postgres(place: &Place) -> (Names, BTreeSet<String>) {
    let Place::Postgres(url) = place else { unreachable!("a database") };
    let mut connection = PgConnection::connect(url).await.unwrap();
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name NOT LIKE '\\_sqlx%'",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    // Those that belong to a key or a constraint have names of the engine's own.
    let indexes: Vec<String> = sqlx::query_scalar(
        "SELECT i.relname::text FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid \
         WHERE i.relnamespace = current_schema()::regnamespace \
         AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = x.indexrelid)",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    (columns.into_iter().collect(), indexes.into_iter().collect())
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let Some(postgres) = postgres().await else { return };
    let sqlite = sqlite();
    for place in [&sqlite.place, &postgres.place] {
        Bench::new(place).await.store.close().await;
    }
    let (sqlite, postgres) = (of_sqlite(&sqlite.place).await, of_postgres(&postgres.place).await);
    assert!(sqlite.0.len() > 80, "{} columns", sqlite.0.len());
    assert_eq!(sqlite.0, postgres.0);
    assert_eq!(sqlite.1, postgres.1);
}
