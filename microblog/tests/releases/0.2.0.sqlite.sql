BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0020');
CREATE TABLE authenticators (
	user_id INTEGER NOT NULL, 
	secret BLOB NOT NULL, 
	created_at DATETIME NOT NULL, 
	confirmed_at DATETIME, 
	last_step BIGINT NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_authenticators PRIMARY KEY (user_id), 
	CONSTRAINT fk_authenticators_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "authenticators" VALUES(3,X'7365616C6564','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901',4294967296,'2026-01-02 03:04:05.678901');
INSERT INTO "authenticators" VALUES(4,X'7365616C6564','2026-01-02 03:04:05.678901',NULL,4294967296,NULL);
CREATE TABLE avatars (
	user_id INTEGER NOT NULL, 
	content BLOB NOT NULL, 
	CONSTRAINT pk_avatars PRIMARY KEY (user_id), 
	CONSTRAINT fk_avatars_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "avatars" VALUES(1,X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF');
CREATE TABLE blocks (
	blocker_id INTEGER NOT NULL, 
	blocked_id INTEGER NOT NULL, 
	CONSTRAINT pk_blocks PRIMARY KEY (blocker_id, blocked_id), 
	CONSTRAINT fk_blocks_blocker_id_users FOREIGN KEY(blocker_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_blocks_blocked_id_users FOREIGN KEY(blocked_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "blocks" VALUES(2,4);
CREATE TABLE conversations (
	id INTEGER NOT NULL, 
	first_id INTEGER NOT NULL, 
	second_id INTEGER NOT NULL, 
	CONSTRAINT pk_conversations PRIMARY KEY (id), 
	CONSTRAINT ck_conversations_order CHECK (first_id < second_id), 
	CONSTRAINT fk_conversations_first_id_users FOREIGN KEY(first_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_conversations_second_id_users FOREIGN KEY(second_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT uq_conversations_first_id_second_id UNIQUE (first_id, second_id)
);
INSERT INTO "conversations" VALUES(1,1,2);
CREATE TABLE "email_changes" (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	old_email VARCHAR(254) NOT NULL, 
	new_email VARCHAR(254) NOT NULL, 
	requested_at DATETIME NOT NULL, 
	confirmed_at DATETIME, 
	undo_until DATETIME, 
	undone_at DATETIME, 
	old_email_key VARCHAR(254) NOT NULL, 
	new_email_key VARCHAR(254) NOT NULL, 
	CONSTRAINT pk_email_changes PRIMARY KEY (id), 
	CONSTRAINT fk_email_changes_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "email_changes" VALUES(1,3,'user2@example.com','carol@example.net','2026-11-30 10:59:47.958557',NULL,NULL,NULL,'user2@example.com','carol@example.net');
INSERT INTO "email_changes" VALUES(2,1,'Before@example.com','user0@example.com','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000','2099-12-31 23:59:59.000000','before@example.com','user0@example.com');
CREATE TABLE email_preferences (
	user_id INTEGER NOT NULL, 
	reply VARCHAR(8) NOT NULL, 
	mention VARCHAR(8) NOT NULL, 
	message VARCHAR(8) NOT NULL, 
	reply_since DATETIME NOT NULL, 
	mention_since DATETIME NOT NULL, 
	message_since DATETIME NOT NULL, 
	hour INTEGER NOT NULL, 
	weekday INTEGER NOT NULL, 
	time_zone VARCHAR(64), 
	locale VARCHAR(16) NOT NULL, 
	chosen_at DATETIME NOT NULL, 
	next_at DATETIME, 
	at_once_at DATETIME, 
	stopped_at DATETIME, 
	CONSTRAINT pk_email_preferences PRIMARY KEY (user_id), 
	CONSTRAINT fk_email_preferences_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "email_preferences" VALUES(1,'weekly','weekly','weekly','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901',23,6,'Europe/Moscow','zh_Hant','2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000','2099-12-31 23:59:59.000000','2099-12-31 23:59:59.000000');
INSERT INTO "email_preferences" VALUES(2,'never','never','never','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901',23,6,NULL,'zh_Hant','2026-01-02 03:04:05.678901',NULL,NULL,NULL);
CREATE TABLE failures (
	fingerprint VARCHAR(64) NOT NULL, 
	count INTEGER NOT NULL, 
	mailed_at DATETIME NOT NULL, 
	CONSTRAINT pk_failures PRIMARY KEY (fingerprint)
);
INSERT INTO "failures" VALUES('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc',2147483647,'2026-01-02 03:04:05.678901');
CREATE TABLE follows (
	follower_id INTEGER NOT NULL, 
	followed_id INTEGER NOT NULL, 
	CONSTRAINT pk_follows PRIMARY KEY (follower_id, followed_id), 
	CONSTRAINT fk_follows_followed_id_users FOREIGN KEY(followed_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_follows_follower_id_users FOREIGN KEY(follower_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "follows" VALUES(1,2);
INSERT INTO "follows" VALUES(1,3);
INSERT INTO "follows" VALUES(1,4);
INSERT INTO "follows" VALUES(2,1);
INSERT INTO "follows" VALUES(2,3);
CREATE TABLE indexed_posts (
	post_id INTEGER NOT NULL, 
	terms TEXT NOT NULL, 
	CONSTRAINT pk_indexed_posts PRIMARY KEY (post_id), 
	CONSTRAINT fk_indexed_posts_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "indexed_posts" VALUES(1,'post number 0 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(2,'post number 1 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(3,'post number 2 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(4,'post number 3 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(5,'post number 4 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(6,'post number 5 about nothing in particular');
INSERT INTO "indexed_posts" VALUES(7,'hello user1 garden 花 園 花園 сад');
CREATE TABLE invitations (
	id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	note VARCHAR(80) NOT NULL, 
	created_by_id INTEGER, 
	created_at DATETIME NOT NULL, 
	ends_at DATETIME NOT NULL, 
	uses_maximum INTEGER NOT NULL, 
	uses INTEGER NOT NULL, 
	revoked_at DATETIME, 
	CONSTRAINT pk_invitations PRIMARY KEY (id), 
	CONSTRAINT fk_invitations_created_by_id_users FOREIGN KEY(created_by_id) REFERENCES users (id) ON DELETE SET NULL, 
	CONSTRAINT uq_invitations_digest UNIQUE (digest)
);
INSERT INTO "invitations" VALUES(1,X'0000000000000000000000000000000000000000000000000000000000000000','🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱',1,'2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000',1000,1000,'2026-01-02 03:04:05.678901');
INSERT INTO "invitations" VALUES(2,X'0101010101010101010101010101010101010101010101010101010101010101','🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱',NULL,'2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000',1000,1000,NULL);
CREATE TABLE known_browsers (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	seen_at DATETIME NOT NULL, trusted_until DATETIME, 
	CONSTRAINT pk_known_browsers PRIMARY KEY (id), 
	CONSTRAINT fk_known_browsers_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "known_browsers" VALUES(1,1,X'12981B367DE61E4D6E12EF8DE6A3D9F046421FC829DECCA3B6E50F9394742807','2026-11-30 10:59:45.803818',NULL);
INSERT INTO "known_browsers" VALUES(2,2,X'C446F61BC7A6A6C48E8921BD8B0B6181773CFDA8BF72AF41E8231900F541A1BE','2026-11-30 10:59:46.031278',NULL);
INSERT INTO "known_browsers" VALUES(3,3,X'FDD212CE8DD494A5D4C3278DC322EE316CB71CBE2D78F8D71BFF1730EA04902B','2026-11-30 10:59:46.218200',NULL);
INSERT INTO "known_browsers" VALUES(4,4,X'B2EE8C2BF38891AB48957C799CA6CBA9E263974BCB7D10CEA72C9A9310E43887','2026-11-30 10:59:46.329586',NULL);
INSERT INTO "known_browsers" VALUES(5,5,X'C976977D39D2D034557DC3B738ABECE85DCD25BA9333C3E43957CB61FAF41096','2026-11-30 10:59:46.557524',NULL);
INSERT INTO "known_browsers" VALUES(6,1,X'6262626262626262626262626262626262626262626262626262626262626262','2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000');
CREATE TABLE likes (
	user_id INTEGER NOT NULL, 
	post_id INTEGER NOT NULL, 
	created_at DATETIME NOT NULL, 
	CONSTRAINT pk_likes PRIMARY KEY (user_id, post_id), 
	CONSTRAINT fk_likes_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_likes_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "likes" VALUES(1,2,'2026-01-02 03:04:05.678901');
CREATE TABLE login_throttles (
	"key" VARCHAR(64) NOT NULL, 
	failures INTEGER NOT NULL, 
	failed_at DATETIME NOT NULL, 
	blocked_until DATETIME, 
	CONSTRAINT pk_login_throttles PRIMARY KEY ("key")
);
INSERT INTO "login_throttles" VALUES('8799fcd95781a630958477015544096086865b0be403acf28bc581bbdd1aed83',1,'2026-11-30 10:59:46.700120',NULL);
INSERT INTO "login_throttles" VALUES('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb',9,'2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000');
CREATE TABLE mail_counted (
	id INTEGER NOT NULL, 
	hour INTEGER NOT NULL, 
	CONSTRAINT pk_mail_counted PRIMARY KEY (id)
);
INSERT INTO "mail_counted" VALUES(1,490000);
CREATE TABLE mail_counts (
	hour INTEGER NOT NULL, 
	kind VARCHAR(64) NOT NULL, 
	lane SMALLINT NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	bucket SMALLINT NOT NULL, 
	messages BIGINT NOT NULL, 
	seconds DOUBLE NOT NULL, 
	CONSTRAINT pk_mail_counts PRIMARY KEY (hour, kind, lane, status, bucket)
);
INSERT INTO "mail_counts" VALUES(0,'mail.ready',1,'sent',3,1099511627776,0.1);
INSERT INTO "mail_counts" VALUES(490000,'mail.ready',1,'sent',3,1099511627776,0.1);
CREATE TABLE mail_events (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source VARCHAR(32) NOT NULL, 
	event_id VARCHAR(255) NOT NULL, 
	recipient_key VARCHAR(320) NOT NULL, 
	at DOUBLE NOT NULL, 
	outbox_id INTEGER, 
	domain VARCHAR(255) NOT NULL, 
	meaning VARCHAR(16) NOT NULL, 
	code VARCHAR(16) NOT NULL, 
	words TEXT NOT NULL, 
	trusted BOOLEAN NOT NULL, 
	CONSTRAINT uq_mail_events_source_event_id_recipient_key UNIQUE (source, event_id, recipient_key)
);
INSERT INTO "mail_events" VALUES(1,'report','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','user1@example.com',1.76732304567890095708e+09,1,'example.com','dead','5.1.1','''"\%;-- 🌱 花園 Сад İ
	~',1);
INSERT INTO "mail_events" VALUES(2,'ses','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee','user1@example.com',1.76732304567890095708e+09,NULL,'example.com','dead','5.1.1','''"\%;-- 🌱 花園 Сад İ
	~',0);
CREATE TABLE mail_mailboxes (
	name VARCHAR(320) NOT NULL, 
	uid_validity BIGINT NOT NULL, 
	uid BIGINT NOT NULL, 
	polled_at DOUBLE NOT NULL, 
	trouble TEXT, 
	CONSTRAINT pk_mail_mailboxes PRIMARY KEY (name)
);
INSERT INTO "mail_mailboxes" VALUES('bounces@example.com',4294967295,4294967295,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~');
INSERT INTO "mail_mailboxes" VALUES('spam@example.com',4294967295,4294967295,1.76732304567890095708e+09,NULL);
CREATE TABLE mail_opt_outs (
	address_key VARCHAR(320) NOT NULL, 
	list VARCHAR(64) NOT NULL, 
	reason VARCHAR(16) NOT NULL, 
	since DOUBLE NOT NULL, 
	until DOUBLE, 
	CONSTRAINT pk_mail_opt_outs PRIMARY KEY (address_key, list)
);
INSERT INTO "mail_opt_outs" VALUES('user1@example.com','','complaint',1.76732304567890095708e+09,NULL);
INSERT INTO "mail_opt_outs" VALUES('user1@example.com','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','complaint',1.76732304567890095708e+09,4102444799.0);
CREATE TABLE mail_rate_slots (
	name VARCHAR(300) NOT NULL, 
	number INTEGER NOT NULL, 
	free_at DOUBLE NOT NULL, 
	uses BIGINT NOT NULL, 
	CONSTRAINT pk_mail_rate_slots PRIMARY KEY (name, number)
);
INSERT INTO "mail_rate_slots" VALUES('example.com',0,4102444799.0,1099511627776);
CREATE TABLE mail_reports (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	source VARCHAR(32) NOT NULL, 
	event_id VARCHAR(255) NOT NULL, 
	received_at DOUBLE NOT NULL, 
	due_at DOUBLE NOT NULL, 
	envelope_recipient VARCHAR(320) NOT NULL, 
	content BLOB NOT NULL, 
	note TEXT, 
	CONSTRAINT uq_mail_reports_source_event_id UNIQUE (source, event_id)
);
INSERT INTO "mail_reports" VALUES(1,'report','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',1.76732304567890095708e+09,4102444799.0,'bounces@example.com',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF','''"\%;-- 🌱 花園 Сад İ
	~');
INSERT INTO "mail_reports" VALUES(2,'ses','eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee',1.76732304567890095708e+09,4102444799.0,'bounces@example.com',X'000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F202122232425262728292A2B2C2D2E2F303132333435363738393A3B3C3D3E3F404142434445464748494A4B4C4D4E4F505152535455565758595A5B5C5D5E5F606162636465666768696A6B6C6D6E6F707172737475767778797A7B7C7D7E7F808182838485868788898A8B8C8D8E8F909192939495969798999A9B9C9D9E9FA0A1A2A3A4A5A6A7A8A9AAABACADAEAFB0B1B2B3B4B5B6B7B8B9BABBBCBDBEBFC0C1C2C3C4C5C6C7C8C9CACBCCCDCECFD0D1D2D3D4D5D6D7D8D9DADBDCDDDEDFE0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF',NULL);
CREATE TABLE mail_suppressions (
	address_key VARCHAR(320) NOT NULL, 
	reason TEXT NOT NULL, 
	since DOUBLE NOT NULL, until DOUBLE, source VARCHAR(16) DEFAULT 'answer' NOT NULL, tried_at DOUBLE, 
	CONSTRAINT pk_mail_suppressions PRIMARY KEY (address_key)
);
INSERT INTO "mail_suppressions" VALUES('gone@example.com','''"\%;-- 🌱 花園 Сад İ
	~',1.76732304567890095708e+09,4102444799.0,'report',1.76732304567890095708e+09);
INSERT INTO "mail_suppressions" VALUES('İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','',0.0,NULL,'answer',NULL);
CREATE TABLE mentions (
	user_id INTEGER NOT NULL, 
	post_id INTEGER NOT NULL, 
	CONSTRAINT pk_mentions PRIMARY KEY (user_id, post_id), 
	CONSTRAINT fk_mentions_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_mentions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "mentions" VALUES(2,7);
CREATE TABLE message_preferences (
	user_id INTEGER NOT NULL, 
	senders VARCHAR(16) NOT NULL, 
	CONSTRAINT pk_message_preferences PRIMARY KEY (user_id), 
	CONSTRAINT fk_message_preferences_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "message_preferences" VALUES(1,'following');
CREATE TABLE messages (
	id INTEGER NOT NULL, 
	conversation_id INTEGER NOT NULL, 
	sender_id INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	deleted_at DATETIME, 
	CONSTRAINT pk_messages PRIMARY KEY (id), 
	CONSTRAINT fk_messages_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE, 
	CONSTRAINT fk_messages_sender_id_users FOREIGN KEY(sender_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "messages" VALUES(1,1,1,'''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~','2026-01-02 03:04:05.678901',NULL);
INSERT INTO "messages" VALUES(2,1,2,'','2099-12-31 23:59:59.000000','2099-12-31 23:59:59.000000');
CREATE TABLE mutes (
	muter_id INTEGER NOT NULL, 
	muted_id INTEGER NOT NULL, 
	CONSTRAINT pk_mutes PRIMARY KEY (muter_id, muted_id), 
	CONSTRAINT fk_mutes_muter_id_users FOREIGN KEY(muter_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_mutes_muted_id_users FOREIGN KEY(muted_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "mutes" VALUES(2,3);
CREATE TABLE name_terms (
	term VARCHAR(64) NOT NULL, 
	user_id INTEGER NOT NULL, 
	CONSTRAINT pk_name_terms PRIMARY KEY (term, user_id), 
	CONSTRAINT fk_name_terms_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "name_terms" VALUES('user3',4);
INSERT INTO "name_terms" VALUES('user2',3);
INSERT INTO "name_terms" VALUES('user0',1);
INSERT INTO "name_terms" VALUES('newcomer',5);
INSERT INTO "name_terms" VALUES('user1',2);
CREATE TABLE notification_preferences (
	user_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	is_wanted BOOLEAN NOT NULL, 
	CONSTRAINT pk_notification_preferences PRIMARY KEY (user_id, kind), 
	CONSTRAINT fk_notification_preferences_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "notification_preferences" VALUES(1,'like',0);
CREATE TABLE notifications (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	actor_id INTEGER NOT NULL, 
	post_id INTEGER, 
	created_at DATETIME NOT NULL, 
	read_at DATETIME, 
	CONSTRAINT pk_notifications PRIMARY KEY (id), 
	CONSTRAINT fk_notifications_actor_id_users FOREIGN KEY(actor_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_notifications_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_notifications_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "notifications" VALUES(1,2,'mention',1,7,'2026-11-30 10:59:47.200623',NULL);
INSERT INTO "notifications" VALUES(2,2,'like',1,2,'2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901');
INSERT INTO "notifications" VALUES(3,2,'follow',3,NULL,'2099-12-31 23:59:59.000000',NULL);
CREATE TABLE "outbox" (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	kind VARCHAR(64) NOT NULL, 
	lane SMALLINT NOT NULL, 
	recipient VARCHAR(320) NOT NULL, 
	locale VARCHAR(16) NOT NULL, 
	arguments JSON NOT NULL, 
	recipients JSON, 
	message_id VARCHAR(320) NOT NULL, 
	created_at DOUBLE NOT NULL, 
	due_at DOUBLE NOT NULL, 
	expires_at DOUBLE, 
	status VARCHAR(16) NOT NULL, 
	attempts INTEGER NOT NULL, 
	failures INTEGER NOT NULL, 
	settled_at DOUBLE, 
	answer TEXT, 
	recipient_key VARCHAR(320) NOT NULL, 
	history JSON NOT NULL, 
	admitted_at DOUBLE, 
	reduced BOOLEAN NOT NULL, 
	waits_for VARCHAR(255) DEFAULT '' NOT NULL
, "key" VARCHAR(64), send_at DOUBLE);
INSERT INTO "outbox" VALUES(1,'accounts.new_browser',0,'user0@example.com','en','{"user_id": 1, "at": 1796036385, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638600.24162.6567418126175418733@example.com>',1.79603638600611114498e+09,1.79603638600611114498e+09,NULL,'queued',0,0,NULL,NULL,'user0@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(2,'accounts.new_browser',0,'user1@example.com','en','{"user_id": 2, "at": 1796036386, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638617.24162.14852036936081745785@example.com>',1.79603638617327284812e+09,1.79603638617327284812e+09,NULL,'queued',0,0,NULL,NULL,'user1@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(3,'accounts.new_browser',0,'user2@example.com','en','{"user_id": 3, "at": 1796036386, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638630.24162.7537698545687054350@example.com>',1.79603638630683970448e+09,1.79603638630683970448e+09,NULL,'queued',0,0,NULL,NULL,'user2@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(4,'accounts.new_browser',0,'user3@example.com','en','{"user_id": 4, "at": 1796036386, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638642.24162.10280186765234288626@example.com>',1.79603638642342495913e+09,1.79603638642342495913e+09,NULL,'queued',0,0,NULL,NULL,'user3@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(5,'accounts.verify_email',0,'Newcomer@example.com','en','{"user_id": 5, "at": 1796036386, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638665.24162.15769811528605903803@example.com>',1.79603638665452790259e+09,1.79603638665452790259e+09,NULL,'queued',0,0,NULL,NULL,'newcomer@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(6,'accounts.reset_password',0,'user1@example.com','en','{"at": 1796036386, "browser": "", "address": "127.0.0.0/24", "nonce_digest": "d5501ee021dc6c627c589b6e5d9a2e7017650b66392be9abc2dee68c14f66b87"}',NULL,'<179603638677.24162.13713395859667716102@example.com>',1.79603638677200508119e+09,1.79603638677200508119e+09,NULL,'queued',0,0,NULL,NULL,'user1@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(7,'accounts.confirm_email_change',0,'carol@example.net','en','{"change_id": 1, "at": 1796036387, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638812.24162.9360123076219984617@example.com>',1.79603638812329864495e+09,1.79603638812329864495e+09,NULL,'queued',0,0,NULL,NULL,'carol@example.net','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(8,'accounts.email_change_notice',0,'user2@example.com','en','{"change_id": 1, "user_id": 3, "at": 1796036387, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638812.24162.4545554254576483684@example.com>',1.79603638812376022334e+09,1.79603638812376022334e+09,NULL,'queued',0,0,NULL,NULL,'user2@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(9,'accounts.deletion_notice',0,'user3@example.com','en','{"user_id": 4, "at": 1796036388, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179603638830.24162.6670380765248991171@example.com>',1796036388.30453,1796036388.30453,NULL,'queued',0,0,NULL,NULL,'user3@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(10,'mail.ready',1,'waits@example.com','en','{"subject": "waits 🌱 Сад", "text": "text 花園", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "waits", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}',NULL,'<179603638833.24162.9053637707882623656@example.com>',1.79603638833735370639e+09,1.79603638833735370639e+09,NULL,'queued',0,0,NULL,NULL,'waits@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(11,'mail.ready',1,'example@example.com','en','{"subject": "example 🌱 Сад", "text": "text 花園", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}',NULL,'<179603638839.24162.17391885029880909319@example.com>',1.79603638839013648033e+09,1.79603638839013648033e+09,NULL,'queued',0,0,NULL,NULL,'example@example.com','[]',NULL,0,'',NULL,NULL);
INSERT INTO "outbox" VALUES(12,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<deferred@example.com>',1.79603638839013648033e+09,4102444799.0,0.0,'deferred',2,1,NULL,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "deferred", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'example.com','0000000000000000000000000000000000000000000000000000000000000000',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(13,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<sent@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'sent',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "sent", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000001',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(14,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<dead@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'dead',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "dead", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,1,'','0000000000000000000000000000000000000000000000000000000000000002',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(15,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<discarded@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'discarded',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "discarded", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000003',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(16,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<expired@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'expired',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "expired", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000004',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(17,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<cancelled@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'cancelled',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "cancelled", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000005',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(18,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<unknown@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'unknown',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "unknown", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000006',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(19,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<delivered@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'delivered',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "delivered", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000007',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(20,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<bounced@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'bounced',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "bounced", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000008',1.76732304567890095708e+09);
INSERT INTO "outbox" VALUES(21,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}','["example@example.com"]','<complained@example.com>',1.79603638839013648033e+09,1.76732304567890095708e+09,0.0,'complained',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "complained", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'','0000000000000000000000000000000000000000000000000000000000000009',1.76732304567890095708e+09);
CREATE TABLE participations (
	user_id INTEGER NOT NULL, 
	conversation_id INTEGER NOT NULL, 
	other_id INTEGER NOT NULL, 
	last_message_id INTEGER NOT NULL, 
	read_through_id INTEGER NOT NULL, 
	deleted_through_id INTEGER NOT NULL, 
	unread INTEGER NOT NULL, 
	CONSTRAINT pk_participations PRIMARY KEY (user_id, conversation_id), 
	CONSTRAINT fk_participations_conversation_id_conversations FOREIGN KEY(conversation_id) REFERENCES conversations (id) ON DELETE CASCADE, 
	CONSTRAINT fk_participations_other_id_users FOREIGN KEY(other_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_participations_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "participations" VALUES(1,1,2,2,1,0,1);
INSERT INTO "participations" VALUES(2,1,1,2,2,1,0);
CREATE TABLE passkeys (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	credential_id BLOB NOT NULL, 
	public_key BLOB NOT NULL, 
	sign_count BIGINT NOT NULL, 
	name VARCHAR(64) NOT NULL, 
	transports JSON NOT NULL, 
	is_synced BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_passkeys PRIMARY KEY (id), 
	CONSTRAINT fk_passkeys_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT uq_passkeys_credential_id UNIQUE (credential_id)
);
INSERT INTO "passkeys" VALUES(1,3,X'000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',X'6B6579',0,'🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱','["usb"]',0,'2026-01-02 03:04:05.678901',NULL);
INSERT INTO "passkeys" VALUES(2,3,X'010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101',X'6B6579',2147483648,'🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱','["usb"]',1,'2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901');
CREATE TABLE password_reset_requests (
	digest BLOB NOT NULL, 
	message_id BIGINT NOT NULL, 
	requested_at DATETIME NOT NULL, 
	tries INTEGER NOT NULL, 
	CONSTRAINT pk_password_reset_requests PRIMARY KEY (digest)
);
INSERT INTO "password_reset_requests" VALUES(X'D5501EE021DC6C627C589B6E5D9A2E7017650B66392BE9ABC2DEE68C14F66B87',6,'2026-11-30 10:59:46.771544',0);
CREATE TABLE post_tags (
	tag VARCHAR(64) NOT NULL, 
	post_id INTEGER NOT NULL, 
	CONSTRAINT pk_post_tags PRIMARY KEY (tag, post_id), 
	CONSTRAINT fk_post_tags_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "post_tags" VALUES('garden',7);
CREATE TABLE "posts" (
	id INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	user_id INTEGER NOT NULL, 
	edited_at DATETIME, 
	thread_id INTEGER, 
	reply_to_id INTEGER, 
	reply_to_user_id INTEGER, 
	deleted_at DATETIME, 
	CONSTRAINT pk_posts PRIMARY KEY (id), 
	CONSTRAINT fk_posts_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_posts_reply_to_id_posts FOREIGN KEY(reply_to_id) REFERENCES posts (id) ON DELETE SET NULL, 
	CONSTRAINT fk_posts_reply_to_user_id_users FOREIGN KEY(reply_to_user_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "posts" VALUES(1,'Post number 0, about nothing in particular.','2026-01-01 00:00:00.000000',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(2,'Post number 1, about nothing in particular.','2026-01-01 00:00:01.000000',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(3,'Post number 2, about nothing in particular.','2026-01-01 00:00:02.000000',4,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(4,'Post number 3, about nothing in particular.','2026-01-01 00:00:03.000000',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(5,'Post number 4, about nothing in particular.','2026-01-01 00:00:04.000000',3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(6,'Post number 5, about nothing in particular.','2026-01-01 00:00:05.000000',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(7,'Hello @user1 #garden 🌱 花園 Сад','2026-11-30 10:59:47.200623',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(8,'','1970-01-01 00:00:00.000000',1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(9,'''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~','2099-12-31 23:59:59.000000',2,'2099-12-31 23:59:59.000000',NULL,NULL,NULL,NULL);
INSERT INTO "posts" VALUES(10,'no','2099-12-31 23:59:59.000000',3,NULL,1,2,1,'2099-12-31 23:59:59.000000');
INSERT INTO "posts" VALUES(11,'gone','2099-12-31 23:59:59.000000',3,NULL,2147483647,NULL,NULL,NULL);
CREATE TABLE profiles (
	user_id INTEGER NOT NULL, 
	about_me TEXT NOT NULL, 
	avatar_digest VARCHAR(64), 
	CONSTRAINT pk_profiles PRIMARY KEY (user_id), 
	CONSTRAINT fk_profiles_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "profiles" VALUES(1,'''"\%;-- 🌱 花園 Сад İ
	~','aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
INSERT INTO "profiles" VALUES(2,'Beans 🌱, 豆子, бобы',NULL);
CREATE TABLE recovery_codes (
	user_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	created_at DATETIME NOT NULL, 
	used_at DATETIME, 
	CONSTRAINT pk_recovery_codes PRIMARY KEY (user_id, digest), 
	CONSTRAINT fk_recovery_codes_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "recovery_codes" VALUES(3,X'0000000000000000000000000000000000000000000000000000000000000000','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901');
INSERT INTO "recovery_codes" VALUES(3,X'0101010101010101010101010101010101010101010101010101010101010101','2026-01-02 03:04:05.678901',NULL);
CREATE TABLE removals (
	post_id INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	reason TEXT NOT NULL, 
	removed_at DATETIME NOT NULL, 
	removed_by_id INTEGER, 
	CONSTRAINT pk_removals PRIMARY KEY (post_id), 
	CONSTRAINT fk_removals_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_removals_removed_by_id_users FOREIGN KEY(removed_by_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "removals" VALUES(3,'''"\%;-- 🌱 花園 Сад İ
	~','''"\%;-- 🌱 花園 Сад İ
	~','2026-01-02 03:04:05.678901',1);
INSERT INTO "removals" VALUES(4,'','','2099-12-31 23:59:59.000000',NULL);
CREATE TABLE reports (
	id INTEGER NOT NULL, 
	reporter_id INTEGER, 
	author_id INTEGER NOT NULL, 
	post_id INTEGER, 
	message_id INTEGER, 
	body TEXT NOT NULL, 
	reason VARCHAR(16) NOT NULL, 
	comment TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	resolved_at DATETIME, 
	resolved_by_id INTEGER, 
	outcome VARCHAR(16), 
	CONSTRAINT pk_reports PRIMARY KEY (id), 
	CONSTRAINT fk_reports_author_id_users FOREIGN KEY(author_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_reports_message_id_messages FOREIGN KEY(message_id) REFERENCES messages (id) ON DELETE SET NULL, 
	CONSTRAINT fk_reports_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE SET NULL, 
	CONSTRAINT fk_reports_reporter_id_users FOREIGN KEY(reporter_id) REFERENCES users (id) ON DELETE SET NULL, 
	CONSTRAINT fk_reports_resolved_by_id_users FOREIGN KEY(resolved_by_id) REFERENCES users (id) ON DELETE SET NULL
);
INSERT INTO "reports" VALUES(1,1,2,2,NULL,'''"\%;-- 🌱 花園 Сад İ
	~','spam','''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~''"\%;-- 🌱 花園 Сад İ
	~','2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000',1,'dismissed');
INSERT INTO "reports" VALUES(2,NULL,2,NULL,2,'','other','','2099-12-31 23:59:59.000000',NULL,NULL,NULL);
CREATE TABLE security_events (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	kind VARCHAR(32) NOT NULL, 
	at DATETIME NOT NULL, 
	browser VARCHAR(64) NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	details JSON NOT NULL, 
	CONSTRAINT pk_security_events PRIMARY KEY (id), 
	CONSTRAINT fk_security_events_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "security_events" VALUES(1,1,'logged_in_new_browser','2026-11-30 10:59:45.803818','','127.0.0.0/24','{"methods": "pwd"}');
INSERT INTO "security_events" VALUES(2,2,'logged_in_new_browser','2026-11-30 10:59:46.031278','','127.0.0.0/24','{"methods": "pwd"}');
INSERT INTO "security_events" VALUES(3,3,'logged_in_new_browser','2026-11-30 10:59:46.218200','','127.0.0.0/24','{"methods": "pwd"}');
INSERT INTO "security_events" VALUES(4,4,'logged_in_new_browser','2026-11-30 10:59:46.329586','','127.0.0.0/24','{"methods": "pwd"}');
INSERT INTO "security_events" VALUES(5,5,'registered','2026-11-30 10:59:46.557524','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(6,5,'logged_in','2026-11-30 10:59:46.557524','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(7,3,'email_change_asked','2026-11-30 10:59:47.958557','','127.0.0.0/24','{"email": "carol@example.net"}');
INSERT INTO "security_events" VALUES(8,4,'deletion_asked','2026-11-30 10:59:48.188574','','127.0.0.0/24','{}');
CREATE TABLE "sessions" (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	remembered BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	browser VARCHAR(64) NOT NULL, 
	address VARCHAR(64) NOT NULL, methods VARCHAR(64) DEFAULT 'pwd' NOT NULL, proved_at DATETIME, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT uq_sessions_digest UNIQUE (digest), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "sessions" VALUES(1,1,X'DDA97CDDD1821AD4B77A476E90146693F559EB3C9C7178CE70B6731DD080F292',1,'2026-11-30 10:59:45.803818','2026-11-30 10:59:45.803818','','127.0.0.0/24','pwd',NULL);
INSERT INTO "sessions" VALUES(2,2,X'25E9BB5A62C8656B0D6ECEE45C9C4316B3C775134A5186B63D888A390FF3286F',1,'2026-11-30 10:59:46.031278','2026-11-30 10:59:46.031278','','127.0.0.0/24','pwd',NULL);
INSERT INTO "sessions" VALUES(3,3,X'C272DBA9C17AC4318F6ECC4B4261B1783F5969A100B482014CD016A07856BF4D',1,'2026-11-30 10:59:46.218200','2026-11-30 10:59:46.218200','','127.0.0.0/24','pwd',NULL);
INSERT INTO "sessions" VALUES(5,5,X'198150B660417D56A72684D45C457CD72E156C379D9824ED040944BAFE3316AA',0,'2026-11-30 10:59:46.557524','2026-11-30 10:59:46.557524','','127.0.0.0/24','pwd',NULL);
INSERT INTO "sessions" VALUES(6,1,X'7373737373737373737373737373737373737373737373737373737373737373',1,'2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx','pwd otp','2026-01-02 03:04:05.678901');
CREATE TABLE used_challenges (
	challenge BLOB NOT NULL, 
	ends_at DATETIME NOT NULL, 
	CONSTRAINT pk_used_challenges PRIMARY KEY (challenge)
);
INSERT INTO "used_challenges" VALUES(X'6363636363636363636363636363636363636363636363636363636363636363','2099-12-31 23:59:59.000000');
CREATE TABLE "users" (
	id INTEGER NOT NULL, 
	username VARCHAR(64) NOT NULL, 
	username_key VARCHAR(64) NOT NULL, 
	email VARCHAR(254) NOT NULL, 
	email_key VARCHAR(254) NOT NULL, 
	password_hash VARCHAR(255) NOT NULL, 
	registered_at DATETIME NOT NULL, 
	email_verified_at DATETIME, 
	is_admin BOOLEAN NOT NULL, 
	disabled_at DATETIME, 
	deletes_at DATETIME, 
	last_seen_at DATETIME, 
	locale VARCHAR(16), 
	time_zone VARCHAR(64), 
	username_skeleton VARCHAR(255) NOT NULL, 
	confusable_username BOOLEAN NOT NULL, display_name VARCHAR(160), passkey_handle BLOB, second_factor_ends_at DATETIME, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_username_key UNIQUE (username_key)
);
INSERT INTO "users" VALUES(1,'user0','user0','user0@example.com','user0@example.com','$argon2id$v=19$m=19456,t=2,p=1$Oiz9H6RK9CQinQrlXnYOgQ$FQdoNWKCE/8n2Vrd1Kac3TQq6AzghDpl+bkiFiLoF08','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,'2026-11-30 10:59:45.803818',NULL,NULL,'usero',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(2,'user1','user1','user1@example.com','user1@example.com','$argon2id$v=19$m=19456,t=2,p=1$Oiz9H6RK9CQinQrlXnYOgQ$FQdoNWKCE/8n2Vrd1Kac3TQq6AzghDpl+bkiFiLoF08','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,'2026-11-30 10:59:46.031278',NULL,NULL,'userl',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(3,'user2','user2','user2@example.com','user2@example.com','$argon2id$v=19$m=19456,t=2,p=1$Oiz9H6RK9CQinQrlXnYOgQ$FQdoNWKCE/8n2Vrd1Kac3TQq6AzghDpl+bkiFiLoF08','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,'2026-11-30 10:59:46.218200',NULL,NULL,'user2',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(4,'user3','user3','user3@example.com','user3@example.com','$argon2id$v=19$m=19456,t=2,p=1$Oiz9H6RK9CQinQrlXnYOgQ$FQdoNWKCE/8n2Vrd1Kac3TQq6AzghDpl+bkiFiLoF08','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,'2026-12-07 10:59:48.188574','2026-11-30 10:59:46.329586',NULL,NULL,'user3',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(5,'newcomer','newcomer','Newcomer@example.com','newcomer@example.com','$argon2id$v=19$m=19456,t=2,p=1$V/c47lAd68jjJLzfAOzeqg$o+sLJUTLn91SA0Gns5RHMplZWNF3FhV2VvmADrx+Pww','2026-11-30 10:59:46.636464',NULL,0,NULL,NULL,'2026-11-30 10:59:46.557524',NULL,NULL,'newcorner',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(6,'ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ','жжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж','İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','-','2026-01-02 03:04:05.678901',NULL,0,NULL,NULL,NULL,NULL,NULL,'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',0,NULL,NULL,NULL);
INSERT INTO "users" VALUES(7,'usеr0','usеr0','User0@example.com','user0@example.com','-','2026-01-02 03:04:05.678901',NULL,1,'2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000','2026-01-02 03:04:05.678901','zh_Hant','Europe/Moscow','userO',1,'🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱',X'6868686868686868686868686868686868686868686868686868686868686868','2099-12-31 23:59:59.000000');
CREATE INDEX ix_follows_followed_id ON follows (followed_id);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_sessions_seen_at ON sessions (seen_at);
CREATE UNIQUE INDEX ix_known_browsers_user_id_digest ON known_browsers (user_id, digest);
CREATE INDEX ix_known_browsers_seen_at ON known_browsers (seen_at);
CREATE INDEX ix_login_throttles_failed_at ON login_throttles (failed_at);
CREATE INDEX ix_security_events_at ON security_events (at);
CREATE INDEX ix_post_tags_post_id ON post_tags (post_id);
CREATE INDEX ix_mentions_post_id ON mentions (post_id);
CREATE INDEX ix_blocks_blocked_id ON blocks (blocked_id);
CREATE INDEX ix_mutes_muted_id ON mutes (muted_id);
CREATE INDEX ix_mail_rate_slots_name_free_at ON mail_rate_slots (name, free_at);
CREATE INDEX ix_outbox_ended ON outbox (settled_at) WHERE settled_at IS NOT NULL AND NOT reduced;
CREATE INDEX ix_outbox_unsent ON outbox (status, created_at) WHERE status IN ('dead', 'discarded', 'expired', 'cancelled', 'unknown');
CREATE INDEX ix_outbox_kind_created_at ON outbox (kind, created_at);
CREATE INDEX ix_outbox_created_at ON outbox (created_at);
CREATE INDEX ix_outbox_recipient_key_created_at ON outbox (recipient_key, created_at);
CREATE INDEX ix_outbox_waiting ON outbox (waits_for, lane, due_at) WHERE status IN ('queued', 'deferred');
CREATE INDEX ix_security_events_user_id_at ON security_events (user_id, at);
CREATE INDEX ix_outbox_admitted ON outbox (recipient_key, kind, admitted_at) WHERE admitted_at IS NOT NULL;
CREATE INDEX ix_email_changes_user_id ON email_changes (user_id);
CREATE INDEX ix_email_changes_old_email_key ON email_changes (old_email_key);
CREATE INDEX ix_email_changes_new_email_key ON email_changes (new_email_key);
CREATE INDEX ix_users_email_key ON users (email_key);
CREATE INDEX ix_users_deletes_at ON users (deletes_at) WHERE deletes_at IS NOT NULL;
CREATE UNIQUE INDEX uq_users_verified_email_key ON users (email_key) WHERE email_verified_at IS NOT NULL;
CREATE INDEX ix_users_username_skeleton ON users (username_skeleton);
CREATE UNIQUE INDEX uq_users_username_skeleton ON users (username_skeleton) WHERE NOT confusable_username;
CREATE UNIQUE INDEX uq_outbox_key ON outbox ("key") WHERE key IS NOT NULL;
CREATE INDEX ix_password_reset_requests_requested_at ON password_reset_requests (requested_at);
CREATE INDEX ix_users_second_factor_ends_at ON users (second_factor_ends_at) WHERE second_factor_ends_at IS NOT NULL;
CREATE INDEX ix_passkeys_user_id ON passkeys (user_id);
CREATE INDEX ix_used_challenges_ends_at ON used_challenges (ends_at);
CREATE INDEX ix_posts_user_id_id ON posts (user_id, id);
CREATE INDEX ix_posts_reply_to_id_id ON posts (reply_to_id, id) WHERE reply_to_id IS NOT NULL;
CREATE INDEX ix_posts_thread_id_id ON posts (thread_id, id) WHERE thread_id IS NOT NULL;
CREATE INDEX ix_posts_reply_to_user_id ON posts (reply_to_user_id) WHERE reply_to_user_id IS NOT NULL;
CREATE INDEX ix_posts_deleted_at ON posts (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX ix_conversations_second_id ON conversations (second_id);
CREATE INDEX ix_invitations_created_by_id ON invitations (created_by_id);
CREATE INDEX ix_likes_post_id ON likes (post_id);
CREATE INDEX ix_messages_conversation_id_id ON messages (conversation_id, id);
CREATE INDEX ix_messages_sender_id ON messages (sender_id);
CREATE INDEX ix_notifications_actor_id ON notifications (actor_id);
CREATE INDEX ix_notifications_user_id_id ON notifications (user_id, id);
CREATE INDEX ix_notifications_unread ON notifications (user_id, id) WHERE read_at IS NULL;
CREATE INDEX ix_notifications_read_at ON notifications (read_at) WHERE read_at IS NOT NULL;
CREATE INDEX ix_notifications_withdrawn ON notifications (read_at) WHERE kind IN ('unmention', 'unlike', 'unfollow');
CREATE UNIQUE INDEX uq_notifications_of_people ON notifications (user_id, kind, actor_id) WHERE post_id IS NULL;
CREATE UNIQUE INDEX uq_notifications_of_posts ON notifications (post_id, user_id, kind, actor_id) WHERE post_id IS NOT NULL;
CREATE INDEX ix_participations_conversation_id ON participations (conversation_id);
CREATE INDEX ix_participations_other_id ON participations (other_id);
CREATE INDEX ix_participations_user_id_last_message_id ON participations (user_id, last_message_id);
CREATE INDEX ix_participations_unread ON participations (user_id) WHERE unread > 0;
CREATE INDEX ix_removals_removed_by_id ON removals (removed_by_id);
CREATE INDEX ix_reports_author_id ON reports (author_id);
CREATE INDEX ix_reports_message_id ON reports (message_id);
CREATE INDEX ix_reports_open ON reports (id) WHERE resolved_at IS NULL;
CREATE INDEX ix_reports_post_id ON reports (post_id);
CREATE INDEX ix_reports_reporter_id ON reports (reporter_id);
CREATE INDEX ix_reports_resolved_by_id ON reports (resolved_by_id);
CREATE INDEX ix_name_terms_user_id ON name_terms (user_id);
CREATE VIRTUAL TABLE indexed_posts_fts USING fts5(
        terms, content='indexed_posts', content_rowid='post_id',
        tokenize='ascii', detail='none', columnsize=0);
INSERT INTO indexed_posts_fts(indexed_posts_fts) VALUES ('rebuild');
CREATE TRIGGER indexed_posts_added AFTER INSERT ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(rowid, terms) VALUES (new.post_id, new.terms);
    END;
CREATE TRIGGER indexed_posts_removed AFTER DELETE ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(indexed_posts_fts, rowid, terms)
        VALUES ('delete', old.post_id, old.terms);
    END;
CREATE TRIGGER indexed_posts_changed AFTER UPDATE ON indexed_posts BEGIN
        INSERT INTO indexed_posts_fts(indexed_posts_fts, rowid, terms)
        VALUES ('delete', old.post_id, old.terms);
        INSERT INTO indexed_posts_fts(rowid, terms) VALUES (new.post_id, new.terms);
    END;
CREATE INDEX ix_mail_reports_due_at ON mail_reports (due_at) WHERE note IS NULL;
CREATE INDEX ix_mail_events_recipient_key_at ON mail_events (recipient_key, at);
CREATE INDEX ix_mail_events_outbox_id ON mail_events (outbox_id);
CREATE INDEX ix_mail_events_at ON mail_events (at);
CREATE INDEX ix_email_preferences_next_at ON email_preferences (next_at) WHERE next_at IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',21);
INSERT INTO "sqlite_sequence" VALUES('mail_reports',2);
INSERT INTO "sqlite_sequence" VALUES('mail_events',2);
COMMIT;
