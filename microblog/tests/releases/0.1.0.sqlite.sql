BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0012');
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
INSERT INTO "email_changes" VALUES(1,3,'user2@example.com','carol@example.net','2026-11-29 19:11:42.597838',NULL,NULL,NULL,'user2@example.com','carol@example.net');
INSERT INTO "email_changes" VALUES(2,1,'Before@example.com','user0@example.com','2026-01-02 03:04:05.678901','2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000','2099-12-31 23:59:59.000000','before@example.com','user0@example.com');
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
CREATE TABLE known_browsers (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	seen_at DATETIME NOT NULL, 
	CONSTRAINT pk_known_browsers PRIMARY KEY (id), 
	CONSTRAINT fk_known_browsers_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "known_browsers" VALUES(1,1,X'EC36DC254A34FBF8F453D4D9D6765B0E198C6D4C69F9EBD795411D4B3E909792','2026-11-29 19:11:41.465748');
INSERT INTO "known_browsers" VALUES(2,2,X'8BECA4DC86F4101DFD5AA616388CDB2E1C4DB821B39D5CDD827916FCE7B8E7F7','2026-11-29 19:11:41.543545');
INSERT INTO "known_browsers" VALUES(3,3,X'247053C29D6C8A2E40463B0709AFC354E6EB32888C327A0F7F8ADF1F3EE181AD','2026-11-29 19:11:41.651862');
INSERT INTO "known_browsers" VALUES(4,4,X'3EE9BB44CD8C93A2E1DA9E5C8317AFE11FBB2497E6098A7BA7AB17533321012A','2026-11-29 19:11:41.784281');
INSERT INTO "known_browsers" VALUES(5,5,X'53AED7398FF204953BE9A58E742ABD43B4831A93E148F2773F58C3E8EADE582D','2026-11-29 19:11:41.980274');
CREATE TABLE login_throttles (
	"key" VARCHAR(64) NOT NULL, 
	failures INTEGER NOT NULL, 
	failed_at DATETIME NOT NULL, 
	blocked_until DATETIME, 
	CONSTRAINT pk_login_throttles PRIMARY KEY ("key")
);
INSERT INTO "login_throttles" VALUES('8799fcd95781a630958477015544096086865b0be403acf28bc581bbdd1aed83',1,'2026-11-29 19:11:42.020305',NULL);
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
CREATE TABLE mail_rate_slots (
	name VARCHAR(300) NOT NULL, 
	number INTEGER NOT NULL, 
	free_at DOUBLE NOT NULL, 
	uses BIGINT NOT NULL, 
	CONSTRAINT pk_mail_rate_slots PRIMARY KEY (name, number)
);
INSERT INTO "mail_rate_slots" VALUES('example.com',0,4102444799.0,1099511627776);
CREATE TABLE mail_suppressions (
	address_key VARCHAR(320) NOT NULL, 
	reason TEXT NOT NULL, 
	since DOUBLE NOT NULL, 
	CONSTRAINT pk_mail_suppressions PRIMARY KEY (address_key)
);
INSERT INTO "mail_suppressions" VALUES('gone@example.com','''"\%;-- 🌱 花園 Сад İ
	~',1.76732304567890095708e+09);
INSERT INTO "mail_suppressions" VALUES('İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','',0.0);
CREATE TABLE mentions (
	user_id INTEGER NOT NULL, 
	post_id INTEGER NOT NULL, 
	CONSTRAINT pk_mentions PRIMARY KEY (user_id, post_id), 
	CONSTRAINT fk_mentions_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE, 
	CONSTRAINT fk_mentions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "mentions" VALUES(2,7);
CREATE TABLE mutes (
	muter_id INTEGER NOT NULL, 
	muted_id INTEGER NOT NULL, 
	CONSTRAINT pk_mutes PRIMARY KEY (muter_id, muted_id), 
	CONSTRAINT fk_mutes_muter_id_users FOREIGN KEY(muter_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT fk_mutes_muted_id_users FOREIGN KEY(muted_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "mutes" VALUES(2,3);
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
);
INSERT INTO "outbox" VALUES(1,'accounts.new_browser',0,'user0@example.com','en','{"user_id": 1, "at": 1795979501.465748, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950147.17998.14946501756074652615@example.com>',1.79597950147286415101e+09,1.79597950147286415101e+09,NULL,'queued',0,0,NULL,NULL,'user0@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(2,'accounts.new_browser',0,'user1@example.com','en','{"user_id": 2, "at": 1795979501.543545, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950154.17998.12467354298547955146@example.com>',1.79597950154744911196e+09,1.79597950154744911196e+09,NULL,'queued',0,0,NULL,NULL,'user1@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(3,'accounts.new_browser',0,'user2@example.com','en','{"user_id": 3, "at": 1795979501.651862, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950166.17998.4586811632645839715@example.com>',1.79597950166350698469e+09,1.79597950166350698469e+09,NULL,'queued',0,0,NULL,NULL,'user2@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(4,'accounts.new_browser',0,'user3@example.com','en','{"user_id": 4, "at": 1795979501.784281, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950179.17998.13779815706802556720@example.com>',1.79597950179587769513e+09,1.79597950179587769513e+09,NULL,'queued',0,0,NULL,NULL,'user3@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(5,'accounts.verify_email',0,'Newcomer@example.com','en','{"user_id": 5}',NULL,'<179597950199.17998.12013136264512536331@example.com>',1.79597950199497818947e+09,1.79597950199497818947e+09,NULL,'queued',0,0,NULL,NULL,'newcomer@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(6,'accounts.reset_password',0,'user1@example.com','en','{"browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950208.17998.14414299112743649645@example.com>',1.79597950208741879464e+09,1.79597950208741879464e+09,NULL,'queued',0,0,NULL,NULL,'user1@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(7,'accounts.confirm_email_change',0,'carol@example.net','en','{"change_id": 1}',NULL,'<179597950260.17998.6873764790793048670@example.com>',1.79597950260795664791e+09,1.79597950260795664791e+09,NULL,'queued',0,0,NULL,NULL,'carol@example.net','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(8,'accounts.email_change_notice',0,'user2@example.com','en','{"change_id": 1, "user_id": 3, "at": 1795979502.597838, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950260.17998.9810659067946326569@example.com>',1.79597950260854673384e+09,1.79597950260854673384e+09,NULL,'queued',0,0,NULL,NULL,'user2@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(9,'accounts.deletion_notice',0,'user3@example.com','en','{"user_id": 4, "at": 1795979502.693887, "browser": "", "address": "127.0.0.0/24"}',NULL,'<179597950269.17998.14619382404920333808@example.com>',1.79597950269965362553e+09,1.79597950269965362553e+09,NULL,'queued',0,0,NULL,NULL,'user3@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(10,'mail.ready',1,'waits@example.com','en','{"subject": "waits \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "waits", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}',NULL,'<179597950271.17998.9647948398735334573@example.com>',1.79597950271705245972e+09,1.79597950271705245972e+09,NULL,'queued',0,0,NULL,NULL,'waits@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(11,'mail.ready',1,'example@example.com','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}',NULL,'<179597950272.17998.13267932660932611064@example.com>',1.79597950272566747663e+09,1.79597950272566747663e+09,NULL,'queued',0,0,NULL,NULL,'example@example.com','[]',NULL,0,'');
INSERT INTO "outbox" VALUES(12,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<deferred@example.com>',1.79597950272566747663e+09,4102444799.0,0.0,'deferred',2,1,NULL,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "deferred", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'example.com');
INSERT INTO "outbox" VALUES(13,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<sent@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'sent',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "sent", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'');
INSERT INTO "outbox" VALUES(14,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<dead@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'dead',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "dead", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,1,'');
INSERT INTO "outbox" VALUES(15,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<discarded@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'discarded',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "discarded", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'');
INSERT INTO "outbox" VALUES(16,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<expired@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'expired',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "expired", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'');
INSERT INTO "outbox" VALUES(17,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<cancelled@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'cancelled',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "cancelled", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'');
INSERT INTO "outbox" VALUES(18,'mail.ready',1,'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','en','{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}','["example@example.com"]','<unknown@example.com>',1.79597950272566747663e+09,1.76732304567890095708e+09,0.0,'unknown',2,1,1.76732304567890095708e+09,'''"\%;-- 🌱 花園 Сад İ
	~','example@example.com','[{"attempt": 2, "at": 1.5, "status": "unknown", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]',1.76732304567890095708e+09,0,'');
CREATE TABLE post_tags (
	tag VARCHAR(64) NOT NULL, 
	post_id INTEGER NOT NULL, 
	CONSTRAINT pk_post_tags PRIMARY KEY (tag, post_id), 
	CONSTRAINT fk_post_tags_post_id_posts FOREIGN KEY(post_id) REFERENCES posts (id) ON DELETE CASCADE
);
INSERT INTO "post_tags" VALUES('garden',7);
CREATE TABLE posts (
	id INTEGER NOT NULL, 
	body TEXT NOT NULL, 
	created_at DATETIME NOT NULL, 
	user_id INTEGER NOT NULL, edited_at DATETIME, 
	CONSTRAINT pk_posts PRIMARY KEY (id), 
	CONSTRAINT fk_posts_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "posts" VALUES(1,'Post number 0, about nothing in particular.','2026-01-01 00:00:00.000000',1,NULL);
INSERT INTO "posts" VALUES(2,'Post number 1, about nothing in particular.','2026-01-01 00:00:01.000000',1,NULL);
INSERT INTO "posts" VALUES(3,'Post number 2, about nothing in particular.','2026-01-01 00:00:02.000000',4,NULL);
INSERT INTO "posts" VALUES(4,'Post number 3, about nothing in particular.','2026-01-01 00:00:03.000000',1,NULL);
INSERT INTO "posts" VALUES(5,'Post number 4, about nothing in particular.','2026-01-01 00:00:04.000000',3,NULL);
INSERT INTO "posts" VALUES(6,'Post number 5, about nothing in particular.','2026-01-01 00:00:05.000000',1,NULL);
INSERT INTO "posts" VALUES(7,'Hello @user1 #garden 🌱 花園 Сад','2026-11-29 19:11:42.267068',1,NULL);
INSERT INTO "posts" VALUES(8,'','1970-01-01 00:00:00.000000',1,NULL);
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
	~','2099-12-31 23:59:59.000000',2,'2099-12-31 23:59:59.000000');
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
INSERT INTO "security_events" VALUES(1,1,'logged_in_new_browser','2026-11-29 19:11:41.465748','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(2,2,'logged_in_new_browser','2026-11-29 19:11:41.543545','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(3,3,'logged_in_new_browser','2026-11-29 19:11:41.651862','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(4,4,'logged_in_new_browser','2026-11-29 19:11:41.784281','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(5,5,'registered','2026-11-29 19:11:41.980274','','127.0.0.0/24','{}');
INSERT INTO "security_events" VALUES(6,3,'email_change_asked','2026-11-29 19:11:42.597838','','127.0.0.0/24','{"email": "carol@example.net"}');
INSERT INTO "security_events" VALUES(7,4,'deletion_asked','2026-11-29 19:11:42.693887','','127.0.0.0/24','{}');
CREATE TABLE "sessions" (
	id INTEGER NOT NULL, 
	user_id INTEGER NOT NULL, 
	digest BLOB NOT NULL, 
	remembered BOOLEAN NOT NULL, 
	created_at DATETIME NOT NULL, 
	seen_at DATETIME NOT NULL, 
	browser VARCHAR(64) NOT NULL, 
	address VARCHAR(64) NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT uq_sessions_digest UNIQUE (digest), 
	CONSTRAINT fk_sessions_user_id_users FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "sessions" VALUES(1,1,X'04EDC19DED520C4A40A4F1A629D4C00E43BA8190121724A2D496361B9492DC31',1,'2026-11-29 19:11:41.465748','2026-11-29 19:11:41.465748','','127.0.0.0/24');
INSERT INTO "sessions" VALUES(2,2,X'CAFF39F27DEEE229D16E70A0E1D0E25D5BB8B3C002B1DB6E12F2C0957DCFB169',1,'2026-11-29 19:11:41.543545','2026-11-29 19:11:41.543545','','127.0.0.0/24');
INSERT INTO "sessions" VALUES(3,3,X'8F6A6E15BFBB1A1D59EABEF363B0D4867701F87E48067E3E0DAE5A2DB989C316',1,'2026-11-29 19:11:41.651862','2026-11-29 19:11:41.651862','','127.0.0.0/24');
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
	confusable_username BOOLEAN NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT uq_users_username_key UNIQUE (username_key)
);
INSERT INTO "users" VALUES(1,'user0','user0','user0@example.com','user0@example.com','$argon2id$v=19$m=19456,t=2,p=1$R7SwiwjKV91WzCyF3Tfz0g$YhDhWVMaTJE15Dc6Le9gWPDNoBkijzhA01kpwEz6MR4','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,NULL,NULL,NULL,'usero',0);
INSERT INTO "users" VALUES(2,'user1','user1','user1@example.com','user1@example.com','$argon2id$v=19$m=19456,t=2,p=1$R7SwiwjKV91WzCyF3Tfz0g$YhDhWVMaTJE15Dc6Le9gWPDNoBkijzhA01kpwEz6MR4','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,NULL,NULL,NULL,'userl',0);
INSERT INTO "users" VALUES(3,'user2','user2','user2@example.com','user2@example.com','$argon2id$v=19$m=19456,t=2,p=1$R7SwiwjKV91WzCyF3Tfz0g$YhDhWVMaTJE15Dc6Le9gWPDNoBkijzhA01kpwEz6MR4','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,NULL,NULL,NULL,NULL,'user2',0);
INSERT INTO "users" VALUES(4,'user3','user3','user3@example.com','user3@example.com','$argon2id$v=19$m=19456,t=2,p=1$R7SwiwjKV91WzCyF3Tfz0g$YhDhWVMaTJE15Dc6Le9gWPDNoBkijzhA01kpwEz6MR4','2026-01-01 00:00:00.000000','2026-01-01 00:00:00.000000',0,NULL,'2026-12-06 19:11:42.693887',NULL,NULL,NULL,'user3',0);
INSERT INTO "users" VALUES(5,'newcomer','newcomer','Newcomer@example.com','newcomer@example.com','$argon2id$v=19$m=19456,t=2,p=1$3qvhOBvizLe3EJTr2UX/rg$ahcaDnTN82jm5hQqQvdv+HaNiuwfshmN8yki2IAODVo','2026-11-29 19:11:41.994367',NULL,0,NULL,NULL,NULL,NULL,NULL,'newcorner',0);
INSERT INTO "users" VALUES(6,'ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ','жжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж','İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org','-','2026-01-02 03:04:05.678901',NULL,0,NULL,NULL,NULL,NULL,NULL,'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx',0);
INSERT INTO "users" VALUES(7,'usеr0','usеr0','User0@example.com','user0@example.com','-','2026-01-02 03:04:05.678901',NULL,1,'2026-01-02 03:04:05.678901','2099-12-31 23:59:59.000000','2026-01-02 03:04:05.678901','zh_Hant','Europe/Moscow','userO',1);
CREATE INDEX ix_follows_followed_id ON follows (followed_id);
CREATE INDEX ix_posts_user_id_id ON posts (user_id, id);
CREATE INDEX ix_sessions_seen_at ON sessions (seen_at);
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE UNIQUE INDEX ix_known_browsers_user_id_digest ON known_browsers (user_id, digest);
CREATE INDEX ix_known_browsers_seen_at ON known_browsers (seen_at);
CREATE INDEX ix_login_throttles_failed_at ON login_throttles (failed_at);
CREATE INDEX ix_security_events_at ON security_events (at);
CREATE INDEX ix_post_tags_post_id ON post_tags (post_id);
CREATE INDEX ix_mentions_post_id ON mentions (post_id);
CREATE INDEX ix_blocks_blocked_id ON blocks (blocked_id);
CREATE INDEX ix_mutes_muted_id ON mutes (muted_id);
CREATE INDEX ix_mail_rate_slots_name_free_at ON mail_rate_slots (name, free_at);
CREATE INDEX ix_outbox_unsent ON outbox (status, created_at) WHERE status IN ('dead', 'discarded', 'expired', 'cancelled', 'unknown');
CREATE INDEX ix_outbox_recipient_key_created_at ON outbox (recipient_key, created_at);
CREATE INDEX ix_outbox_kind_created_at ON outbox (kind, created_at);
CREATE INDEX ix_outbox_ended ON outbox (settled_at) WHERE settled_at IS NOT NULL AND NOT reduced;
CREATE INDEX ix_outbox_created_at ON outbox (created_at);
CREATE INDEX ix_outbox_waiting ON outbox (waits_for, lane, due_at) WHERE status IN ('queued', 'deferred');
CREATE INDEX ix_security_events_user_id_at ON security_events (user_id, at);
CREATE INDEX ix_outbox_admitted ON outbox (recipient_key, kind, admitted_at) WHERE admitted_at IS NOT NULL;
CREATE INDEX ix_email_changes_user_id ON email_changes (user_id);
CREATE INDEX ix_email_changes_old_email_key ON email_changes (old_email_key);
CREATE INDEX ix_email_changes_new_email_key ON email_changes (new_email_key);
CREATE INDEX ix_users_email_key ON users (email_key);
CREATE UNIQUE INDEX uq_users_verified_email_key ON users (email_key) WHERE email_verified_at IS NOT NULL;
CREATE INDEX ix_users_deletes_at ON users (deletes_at) WHERE deletes_at IS NOT NULL;
CREATE INDEX ix_users_username_skeleton ON users (username_skeleton);
CREATE UNIQUE INDEX uq_users_username_skeleton ON users (username_skeleton) WHERE NOT confusable_username;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',18);
COMMIT;
