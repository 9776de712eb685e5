-- Of a sitemap: pages that somebody deleted by hand. They stay away as long as it names them.
alter table document_addresses add column left_out text[] not null default '{}';
