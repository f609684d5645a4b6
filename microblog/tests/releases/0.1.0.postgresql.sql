--
-- PostgreSQL database dump
--



SELECT pg_catalog.set_config('search_path', '', false);



--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: avatars; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.avatars (
    user_id integer NOT NULL,
    content bytea NOT NULL
);


--
-- Name: blocks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.blocks (
    blocker_id integer NOT NULL,
    blocked_id integer NOT NULL
);


--
-- Name: email_changes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.email_changes (
    id integer NOT NULL,
    user_id integer NOT NULL,
    old_email character varying(254) NOT NULL,
    new_email character varying(254) NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    undo_until timestamp with time zone,
    undone_at timestamp with time zone,
    old_email_key character varying(254) NOT NULL,
    new_email_key character varying(254) NOT NULL
);


--
-- Name: email_changes_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.email_changes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: email_changes_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.email_changes_id_seq OWNED BY public.email_changes.id;


--
-- Name: failures; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.failures (
    fingerprint character varying(64) NOT NULL,
    count integer NOT NULL,
    mailed_at timestamp with time zone NOT NULL
);


--
-- Name: follows; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.follows (
    follower_id integer NOT NULL,
    followed_id integer NOT NULL
);


--
-- Name: known_browsers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.known_browsers (
    id integer NOT NULL,
    user_id integer NOT NULL,
    digest bytea NOT NULL,
    seen_at timestamp with time zone NOT NULL
);


--
-- Name: known_browsers_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.known_browsers_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: known_browsers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.known_browsers_id_seq OWNED BY public.known_browsers.id;


--
-- Name: login_throttles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.login_throttles (
    key character varying(64) NOT NULL,
    failures integer NOT NULL,
    failed_at timestamp with time zone NOT NULL,
    blocked_until timestamp with time zone
);


--
-- Name: mail_counted; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_counted (
    id integer NOT NULL,
    hour integer NOT NULL
);


--
-- Name: mail_counted_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.mail_counted_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: mail_counted_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.mail_counted_id_seq OWNED BY public.mail_counted.id;


--
-- Name: mail_counts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_counts (
    hour integer NOT NULL,
    kind character varying(64) NOT NULL,
    lane smallint NOT NULL,
    status character varying(16) NOT NULL,
    bucket smallint NOT NULL,
    messages bigint NOT NULL,
    seconds double precision NOT NULL
);


--
-- Name: mail_rate_slots; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_rate_slots (
    name character varying(300) NOT NULL,
    number integer NOT NULL,
    free_at double precision NOT NULL,
    uses bigint NOT NULL
);


--
-- Name: mail_suppressions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_suppressions (
    address_key character varying(320) NOT NULL,
    reason text NOT NULL,
    since double precision NOT NULL
);


--
-- Name: mentions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mentions (
    user_id integer NOT NULL,
    post_id integer NOT NULL
);


--
-- Name: mutes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mutes (
    muter_id integer NOT NULL,
    muted_id integer NOT NULL
);


--
-- Name: outbox; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.outbox (
    id bigint NOT NULL,
    kind character varying(64) NOT NULL,
    lane smallint NOT NULL,
    recipient character varying(320) NOT NULL,
    locale character varying(16) NOT NULL,
    arguments json NOT NULL,
    recipients json,
    message_id character varying(320) NOT NULL,
    created_at double precision NOT NULL,
    due_at double precision NOT NULL,
    expires_at double precision,
    status character varying(16) NOT NULL,
    attempts integer NOT NULL,
    failures integer NOT NULL,
    settled_at double precision,
    answer text,
    recipient_key character varying(320) NOT NULL,
    history json NOT NULL,
    admitted_at double precision,
    reduced boolean NOT NULL,
    waits_for character varying(255) DEFAULT ''::character varying NOT NULL
);


--
-- Name: outbox_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.outbox_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: outbox_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;


--
-- Name: post_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.post_tags (
    tag character varying(64) NOT NULL,
    post_id integer NOT NULL
);


--
-- Name: posts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.posts (
    id integer NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    user_id integer NOT NULL,
    edited_at timestamp with time zone
);


--
-- Name: posts_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.posts_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: posts_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.posts_id_seq OWNED BY public.posts.id;


--
-- Name: profiles; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.profiles (
    user_id integer NOT NULL,
    about_me text NOT NULL,
    avatar_digest character varying(64)
);


--
-- Name: security_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.security_events (
    id integer NOT NULL,
    user_id integer NOT NULL,
    kind character varying(32) NOT NULL,
    at timestamp with time zone NOT NULL,
    browser character varying(64) NOT NULL,
    address character varying(64) NOT NULL,
    details json NOT NULL
);


--
-- Name: security_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.security_events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: security_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.security_events_id_seq OWNED BY public.security_events.id;


--
-- Name: sessions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sessions (
    id integer NOT NULL,
    user_id integer NOT NULL,
    digest bytea NOT NULL,
    remembered boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    browser character varying(64) NOT NULL,
    address character varying(64) NOT NULL
);


--
-- Name: sessions_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.sessions_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: sessions_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.sessions_id_seq OWNED BY public.sessions.id;


--
-- Name: users; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.users (
    id integer NOT NULL,
    username character varying(64) NOT NULL,
    username_key character varying(64) NOT NULL,
    email character varying(254) NOT NULL,
    email_key character varying(254) NOT NULL,
    password_hash character varying(255) NOT NULL,
    registered_at timestamp with time zone NOT NULL,
    email_verified_at timestamp with time zone,
    is_admin boolean NOT NULL,
    disabled_at timestamp with time zone,
    deletes_at timestamp with time zone,
    last_seen_at timestamp with time zone,
    locale character varying(16),
    time_zone character varying(64),
    username_skeleton character varying(255) NOT NULL,
    confusable_username boolean NOT NULL
);


--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: users_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;


--
-- Name: email_changes id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes ALTER COLUMN id SET DEFAULT nextval('public.email_changes_id_seq'::regclass);


--
-- Name: known_browsers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers ALTER COLUMN id SET DEFAULT nextval('public.known_browsers_id_seq'::regclass);


--
-- Name: mail_counted id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_counted ALTER COLUMN id SET DEFAULT nextval('public.mail_counted_id_seq'::regclass);


--
-- Name: outbox id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);


--
-- Name: posts id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts ALTER COLUMN id SET DEFAULT nextval('public.posts_id_seq'::regclass);


--
-- Name: security_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.security_events ALTER COLUMN id SET DEFAULT nextval('public.security_events_id_seq'::regclass);


--
-- Name: sessions id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions ALTER COLUMN id SET DEFAULT nextval('public.sessions_id_seq'::regclass);


--
-- Name: users id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.alembic_version VALUES ('0012');


--
-- Data for Name: avatars; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.avatars VALUES (1, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');


--
-- Data for Name: blocks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.blocks VALUES (2, 4);


--
-- Data for Name: email_changes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.email_changes VALUES (1, 3, 'user2@example.com', 'carol@example.net', '2026-11-29 19:12:12.729809+00', NULL, NULL, NULL, 'user2@example.com', 'carol@example.net');
INSERT INTO public.email_changes VALUES (2, 1, 'Before@example.com', 'user0@example.com', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', '2099-12-31 23:59:59+00', 'before@example.com', 'user0@example.com');


--
-- Data for Name: failures; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.failures VALUES ('cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 2147483647, '2026-01-02 03:04:05.678901+00');


--
-- Data for Name: follows; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.follows VALUES (1, 2);
INSERT INTO public.follows VALUES (1, 3);
INSERT INTO public.follows VALUES (1, 4);
INSERT INTO public.follows VALUES (2, 1);
INSERT INTO public.follows VALUES (2, 3);


--
-- Data for Name: known_browsers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.known_browsers VALUES (1, 1, '\x263081bd9a3b0401b39be58cd78b96a05c893a4c29de27f6514e237649692356', '2026-11-29 19:12:10.388727+00');
INSERT INTO public.known_browsers VALUES (2, 2, '\x97e940dbeb31de8bab7500b4a51abc24504352a72d40f3d0596c84e947c5782b', '2026-11-29 19:12:10.71476+00');
INSERT INTO public.known_browsers VALUES (3, 3, '\x5acd30d44abb380b6a6d402f7f4c6f43de9439f28768b828289c1fa5aff3f05f', '2026-11-29 19:12:10.925693+00');
INSERT INTO public.known_browsers VALUES (4, 4, '\xc42a8b11fd7052d6dff014cbf9816bad750ba3d94300f7a6af13549664c07e04', '2026-11-29 19:12:11.135053+00');
INSERT INTO public.known_browsers VALUES (5, 5, '\x21df789f56e8c5bf05b63948148209c898497a33e9ee32c959396a4101593f71', '2026-11-29 19:12:11.573236+00');


--
-- Data for Name: login_throttles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.login_throttles VALUES ('8799fcd95781a630958477015544096086865b0be403acf28bc581bbdd1aed83', 1, '2026-11-29 19:12:11.663454+00', NULL);
INSERT INTO public.login_throttles VALUES ('bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 9, '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00');


--
-- Data for Name: mail_counted; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_counted VALUES (1, 490000);


--
-- Data for Name: mail_counts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_counts VALUES (0, 'mail.ready', 1, 'sent', 3, 1099511627776, 0.1);
INSERT INTO public.mail_counts VALUES (490000, 'mail.ready', 1, 'sent', 3, 1099511627776, 0.1);


--
-- Data for Name: mail_rate_slots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_rate_slots VALUES ('example.com', 0, 4102444799, 1099511627776);


--
-- Data for Name: mail_suppressions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_suppressions VALUES ('gone@example.com', '''"\%;-- 🌱 花園 Сад İ
	~', 1767323045.678901);
INSERT INTO public.mail_suppressions VALUES ('İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', '', 0);


--
-- Data for Name: mentions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mentions VALUES (2, 7);


--
-- Data for Name: mutes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mutes VALUES (2, 3);


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.outbox VALUES (12, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<deferred@example.com>', 1795979532.989502, 4102444799, 0, 'deferred', 2, 1, NULL, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "deferred", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, 'example.com');
INSERT INTO public.outbox VALUES (13, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<sent@example.com>', 1795979532.989502, 1767323045.678901, 0, 'sent', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "sent", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '');
INSERT INTO public.outbox VALUES (14, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<dead@example.com>', 1795979532.989502, 1767323045.678901, 0, 'dead', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "dead", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, true, '');
INSERT INTO public.outbox VALUES (15, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<discarded@example.com>', 1795979532.989502, 1767323045.678901, 0, 'discarded', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "discarded", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '');
INSERT INTO public.outbox VALUES (16, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<expired@example.com>', 1795979532.989502, 1767323045.678901, 0, 'expired', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "expired", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '');
INSERT INTO public.outbox VALUES (17, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<cancelled@example.com>', 1795979532.989502, 1767323045.678901, 0, 'cancelled', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "cancelled", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '');
INSERT INTO public.outbox VALUES (18, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', '["example@example.com"]', '<unknown@example.com>', 1795979532.989502, 1767323045.678901, 0, 'unknown', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "unknown", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '');
INSERT INTO public.outbox VALUES (1, 'accounts.new_browser', 0, 'user0@example.com', 'en', '{"user_id": 1, "at": 1795979530.388727, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953045.18644.10573578789112933202@example.com>', 1795979530.4526062, 1795979530.4526062, NULL, 'queued', 0, 0, NULL, NULL, 'user0@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (2, 'accounts.new_browser', 0, 'user1@example.com', 'en', '{"user_id": 2, "at": 1795979530.71476, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953074.18644.18069989328726608205@example.com>', 1795979530.7416584, 1795979530.7416584, NULL, 'queued', 0, 0, NULL, NULL, 'user1@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (3, 'accounts.new_browser', 0, 'user2@example.com', 'en', '{"user_id": 3, "at": 1795979530.925693, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953094.18644.14358527997189698401@example.com>', 1795979530.9496818, 1795979530.9496818, NULL, 'queued', 0, 0, NULL, NULL, 'user2@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (4, 'accounts.new_browser', 0, 'user3@example.com', 'en', '{"user_id": 4, "at": 1795979531.135053, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953116.18644.7027567316700107811@example.com>', 1795979531.162501, 1795979531.162501, NULL, 'queued', 0, 0, NULL, NULL, 'user3@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (5, 'accounts.verify_email', 0, 'Newcomer@example.com', 'en', '{"user_id": 5}', NULL, '<179597953160.18644.882863124367105243@example.com>', 1795979531.6098855, 1795979531.6098855, NULL, 'queued', 0, 0, NULL, NULL, 'newcomer@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (6, 'accounts.reset_password', 0, 'user1@example.com', 'en', '{"browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953184.18644.5381617150588361407@example.com>', 1795979531.841791, 1795979531.841791, NULL, 'queued', 0, 0, NULL, NULL, 'user1@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (7, 'accounts.confirm_email_change', 0, 'carol@example.net', 'en', '{"change_id": 1}', NULL, '<179597953277.18644.11163801194023649438@example.com>', 1795979532.771024, 1795979532.771024, NULL, 'queued', 0, 0, NULL, NULL, 'carol@example.net', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (8, 'accounts.email_change_notice', 0, 'user2@example.com', 'en', '{"change_id": 1, "user_id": 3, "at": 1795979532.729809, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953277.18644.12622387195554720602@example.com>', 1795979532.7737505, 1795979532.7737505, NULL, 'queued', 0, 0, NULL, NULL, 'user2@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (9, 'accounts.deletion_notice', 0, 'user3@example.com', 'en', '{"user_id": 4, "at": 1795979532.946575, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179597953296.18644.17510320776948194899@example.com>', 1795979532.964311, 1795979532.964311, NULL, 'queued', 0, 0, NULL, NULL, 'user3@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (10, 'mail.ready', 1, 'waits@example.com', 'en', '{"subject": "waits \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "waits", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', NULL, '<179597953297.18644.11629536841005213266@example.com>', 1795979532.9770248, 1795979532.9770248, NULL, 'queued', 0, 0, NULL, NULL, 'waits@example.com', '[]', NULL, false, '');
INSERT INTO public.outbox VALUES (11, 'mail.ready', 1, 'example@example.com', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": []}', NULL, '<179597953298.18644.15664688776831779523@example.com>', 1795979532.989502, 1795979532.989502, NULL, 'queued', 0, 0, NULL, NULL, 'example@example.com', '[]', NULL, false, '');


--
-- Data for Name: post_tags; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.post_tags VALUES ('garden', 7);


--
-- Data for Name: posts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.posts VALUES (1, 'Post number 0, about nothing in particular.', '2026-01-01 00:00:00+00', 1, NULL);
INSERT INTO public.posts VALUES (2, 'Post number 1, about nothing in particular.', '2026-01-01 00:00:01+00', 1, NULL);
INSERT INTO public.posts VALUES (3, 'Post number 2, about nothing in particular.', '2026-01-01 00:00:02+00', 4, NULL);
INSERT INTO public.posts VALUES (4, 'Post number 3, about nothing in particular.', '2026-01-01 00:00:03+00', 1, NULL);
INSERT INTO public.posts VALUES (5, 'Post number 4, about nothing in particular.', '2026-01-01 00:00:04+00', 3, NULL);
INSERT INTO public.posts VALUES (6, 'Post number 5, about nothing in particular.', '2026-01-01 00:00:05+00', 1, NULL);
INSERT INTO public.posts VALUES (7, 'Hello @user1 #garden 🌱 花園 Сад', '2026-11-29 19:12:12.142056+00', 1, NULL);
INSERT INTO public.posts VALUES (8, '', '1970-01-01 00:00:00+00', 1, NULL);
INSERT INTO public.posts VALUES (9, '''"\%;-- 🌱 花園 Сад İ
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
	~', '2099-12-31 23:59:59+00', 2, '2099-12-31 23:59:59+00');


--
-- Data for Name: profiles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.profiles VALUES (2, 'Beans 🌱, 豆子, бобы', NULL);
INSERT INTO public.profiles VALUES (1, '''"\%;-- 🌱 花園 Сад İ
	~', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');


--
-- Data for Name: security_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.security_events VALUES (1, 1, 'logged_in_new_browser', '2026-11-29 19:12:10.388727+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (2, 2, 'logged_in_new_browser', '2026-11-29 19:12:10.71476+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (3, 3, 'logged_in_new_browser', '2026-11-29 19:12:10.925693+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (4, 4, 'logged_in_new_browser', '2026-11-29 19:12:11.135053+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (5, 5, 'registered', '2026-11-29 19:12:11.573236+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (6, 3, 'email_change_asked', '2026-11-29 19:12:12.729809+00', '', '127.0.0.0/24', '{"email": "carol@example.net"}');
INSERT INTO public.security_events VALUES (7, 4, 'deletion_asked', '2026-11-29 19:12:12.946575+00', '', '127.0.0.0/24', '{}');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES (1, 1, '\xe7435eb61db5515627f22821fec4b54e987b191c9b5483960aa79b2a0606c105', true, '2026-11-29 19:12:10.388727+00', '2026-11-29 19:12:10.388727+00', '', '127.0.0.0/24');
INSERT INTO public.sessions VALUES (2, 2, '\x68ae12d719b82b58da913540cde4e2ee641e08954566a2fbcdbb58486a2a802a', true, '2026-11-29 19:12:10.71476+00', '2026-11-29 19:12:10.71476+00', '', '127.0.0.0/24');
INSERT INTO public.sessions VALUES (3, 3, '\x3bed4c0835b364d0f458ee5358959071e38a1b1f25e7ea473da206702cea5055', true, '2026-11-29 19:12:10.925693+00', '2026-11-29 19:12:10.925693+00', '', '127.0.0.0/24');


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES (1, 'user0', 'user0', 'user0@example.com', 'user0@example.com', '$argon2id$v=19$m=19456,t=2,p=1$Eq0nxpkJm7xvY8gHHrIWoQ$mS86agE9L89gzokCagkCi3roM/YaJvLVn6DGN6X46oo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, NULL, NULL, NULL, 'usero', false);
INSERT INTO public.users VALUES (2, 'user1', 'user1', 'user1@example.com', 'user1@example.com', '$argon2id$v=19$m=19456,t=2,p=1$Eq0nxpkJm7xvY8gHHrIWoQ$mS86agE9L89gzokCagkCi3roM/YaJvLVn6DGN6X46oo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, NULL, NULL, NULL, 'userl', false);
INSERT INTO public.users VALUES (3, 'user2', 'user2', 'user2@example.com', 'user2@example.com', '$argon2id$v=19$m=19456,t=2,p=1$Eq0nxpkJm7xvY8gHHrIWoQ$mS86agE9L89gzokCagkCi3roM/YaJvLVn6DGN6X46oo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, NULL, NULL, NULL, 'user2', false);
INSERT INTO public.users VALUES (5, 'newcomer', 'newcomer', 'Newcomer@example.com', 'newcomer@example.com', '$argon2id$v=19$m=19456,t=2,p=1$01zDbfwnIRax5H+FaP+1Jg$6aQq/QC3ARkO8sClCdukheNKfFauc4gqi5X0q2Yj4Wo', '2026-11-29 19:12:11.602444+00', NULL, false, NULL, NULL, NULL, NULL, NULL, 'newcorner', false);
INSERT INTO public.users VALUES (4, 'user3', 'user3', 'user3@example.com', 'user3@example.com', '$argon2id$v=19$m=19456,t=2,p=1$Eq0nxpkJm7xvY8gHHrIWoQ$mS86agE9L89gzokCagkCi3roM/YaJvLVn6DGN6X46oo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, '2026-12-06 19:12:12.946575+00', NULL, NULL, NULL, 'user3', false);
INSERT INTO public.users VALUES (6, 'ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ', 'жжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж', 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', '-', '2026-01-02 03:04:05.678901+00', NULL, false, NULL, NULL, NULL, NULL, NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', false);
INSERT INTO public.users VALUES (7, 'usеr0', 'usеr0', 'User0@example.com', 'user0@example.com', '-', '2026-01-02 03:04:05.678901+00', NULL, true, '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', '2026-01-02 03:04:05.678901+00', 'zh_Hant', 'Europe/Moscow', 'userO', true);


--
-- Name: email_changes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.email_changes_id_seq', 2, true);


--
-- Name: known_browsers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.known_browsers_id_seq', 5, true);


--
-- Name: mail_counted_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.mail_counted_id_seq', 1, false);


--
-- Name: outbox_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.outbox_id_seq', 18, true);


--
-- Name: posts_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.posts_id_seq', 9, true);


--
-- Name: security_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.security_events_id_seq', 7, true);


--
-- Name: sessions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sessions_id_seq', 4, true);


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.users_id_seq', 7, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: avatars pk_avatars; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.avatars
    ADD CONSTRAINT pk_avatars PRIMARY KEY (user_id);


--
-- Name: blocks pk_blocks; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT pk_blocks PRIMARY KEY (blocker_id, blocked_id);


--
-- Name: email_changes pk_email_changes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT pk_email_changes PRIMARY KEY (id);


--
-- Name: failures pk_failures; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.failures
    ADD CONSTRAINT pk_failures PRIMARY KEY (fingerprint);


--
-- Name: follows pk_follows; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT pk_follows PRIMARY KEY (follower_id, followed_id);


--
-- Name: known_browsers pk_known_browsers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT pk_known_browsers PRIMARY KEY (id);


--
-- Name: login_throttles pk_login_throttles; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.login_throttles
    ADD CONSTRAINT pk_login_throttles PRIMARY KEY (key);


--
-- Name: mail_counted pk_mail_counted; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_counted
    ADD CONSTRAINT pk_mail_counted PRIMARY KEY (id);


--
-- Name: mail_counts pk_mail_counts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_counts
    ADD CONSTRAINT pk_mail_counts PRIMARY KEY (hour, kind, lane, status, bucket);


--
-- Name: mail_rate_slots pk_mail_rate_slots; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_rate_slots
    ADD CONSTRAINT pk_mail_rate_slots PRIMARY KEY (name, number);


--
-- Name: mail_suppressions pk_mail_suppressions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_suppressions
    ADD CONSTRAINT pk_mail_suppressions PRIMARY KEY (address_key);


--
-- Name: mentions pk_mentions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT pk_mentions PRIMARY KEY (user_id, post_id);


--
-- Name: mutes pk_mutes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT pk_mutes PRIMARY KEY (muter_id, muted_id);


--
-- Name: outbox pk_outbox; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);


--
-- Name: post_tags pk_post_tags; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT pk_post_tags PRIMARY KEY (tag, post_id);


--
-- Name: posts pk_posts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT pk_posts PRIMARY KEY (id);


--
-- Name: profiles pk_profiles; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT pk_profiles PRIMARY KEY (user_id);


--
-- Name: security_events pk_security_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.security_events
    ADD CONSTRAINT pk_security_events PRIMARY KEY (id);


--
-- Name: sessions pk_sessions; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT pk_sessions PRIMARY KEY (id);


--
-- Name: users pk_users; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);


--
-- Name: sessions uq_sessions_digest; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT uq_sessions_digest UNIQUE (digest);


--
-- Name: users uq_users_username_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_username_key UNIQUE (username_key);


--
-- Name: ix_blocks_blocked_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_blocks_blocked_id ON public.blocks USING btree (blocked_id);


--
-- Name: ix_email_changes_new_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_email_changes_new_email_key ON public.email_changes USING btree (new_email_key);


--
-- Name: ix_email_changes_old_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_email_changes_old_email_key ON public.email_changes USING btree (old_email_key);


--
-- Name: ix_email_changes_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_email_changes_user_id ON public.email_changes USING btree (user_id);


--
-- Name: ix_follows_followed_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_follows_followed_id ON public.follows USING btree (followed_id);


--
-- Name: ix_known_browsers_seen_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_known_browsers_seen_at ON public.known_browsers USING btree (seen_at);


--
-- Name: ix_known_browsers_user_id_digest; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_known_browsers_user_id_digest ON public.known_browsers USING btree (user_id, digest);


--
-- Name: ix_login_throttles_failed_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_login_throttles_failed_at ON public.login_throttles USING btree (failed_at);


--
-- Name: ix_mail_rate_slots_name_free_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_rate_slots_name_free_at ON public.mail_rate_slots USING btree (name, free_at);


--
-- Name: ix_mentions_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mentions_post_id ON public.mentions USING btree (post_id);


--
-- Name: ix_mutes_muted_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mutes_muted_id ON public.mutes USING btree (muted_id);


--
-- Name: ix_outbox_admitted; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_admitted ON public.outbox USING btree (recipient_key, kind, admitted_at) WHERE (admitted_at IS NOT NULL);


--
-- Name: ix_outbox_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_created_at ON public.outbox USING btree (created_at);


--
-- Name: ix_outbox_ended; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_ended ON public.outbox USING btree (settled_at) WHERE ((settled_at IS NOT NULL) AND (NOT reduced));


--
-- Name: ix_outbox_kind_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_kind_created_at ON public.outbox USING btree (kind, created_at);


--
-- Name: ix_outbox_recipient_key_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_recipient_key_created_at ON public.outbox USING btree (recipient_key, created_at);


--
-- Name: ix_outbox_unsent; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_unsent ON public.outbox USING btree (status, created_at) WHERE ((status)::text = ANY ((ARRAY['dead'::character varying, 'discarded'::character varying, 'expired'::character varying, 'cancelled'::character varying, 'unknown'::character varying])::text[]));


--
-- Name: ix_outbox_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_outbox_waiting ON public.outbox USING btree (waits_for, lane, due_at) WHERE ((status)::text = ANY ((ARRAY['queued'::character varying, 'deferred'::character varying])::text[]));


--
-- Name: ix_post_tags_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_post_tags_post_id ON public.post_tags USING btree (post_id);


--
-- Name: ix_posts_user_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_user_id_id ON public.posts USING btree (user_id, id);


--
-- Name: ix_security_events_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_security_events_at ON public.security_events USING btree (at);


--
-- Name: ix_security_events_user_id_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_security_events_user_id_at ON public.security_events USING btree (user_id, at);


--
-- Name: ix_sessions_seen_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sessions_seen_at ON public.sessions USING btree (seen_at);


--
-- Name: ix_sessions_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sessions_user_id ON public.sessions USING btree (user_id);


--
-- Name: ix_users_deletes_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_deletes_at ON public.users USING btree (deletes_at) WHERE (deletes_at IS NOT NULL);


--
-- Name: ix_users_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_email_key ON public.users USING btree (email_key);


--
-- Name: ix_users_username_skeleton; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_username_skeleton ON public.users USING btree (username_skeleton);


--
-- Name: uq_users_username_skeleton; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_users_username_skeleton ON public.users USING btree (username_skeleton) WHERE (NOT confusable_username);


--
-- Name: uq_users_verified_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_users_verified_email_key ON public.users USING btree (email_key) WHERE (email_verified_at IS NOT NULL);


--
-- Name: avatars fk_avatars_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.avatars
    ADD CONSTRAINT fk_avatars_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: blocks fk_blocks_blocked_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT fk_blocks_blocked_id_users FOREIGN KEY (blocked_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: blocks fk_blocks_blocker_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.blocks
    ADD CONSTRAINT fk_blocks_blocker_id_users FOREIGN KEY (blocker_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: email_changes fk_email_changes_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT fk_email_changes_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: follows fk_follows_followed_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT fk_follows_followed_id_users FOREIGN KEY (followed_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: follows fk_follows_follower_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.follows
    ADD CONSTRAINT fk_follows_follower_id_users FOREIGN KEY (follower_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: known_browsers fk_known_browsers_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT fk_known_browsers_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: mentions fk_mentions_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT fk_mentions_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: mentions fk_mentions_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mentions
    ADD CONSTRAINT fk_mentions_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: mutes fk_mutes_muted_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT fk_mutes_muted_id_users FOREIGN KEY (muted_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: mutes fk_mutes_muter_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT fk_mutes_muter_id_users FOREIGN KEY (muter_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: post_tags fk_post_tags_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT fk_post_tags_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: posts fk_posts_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT fk_posts_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: profiles fk_profiles_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.profiles
    ADD CONSTRAINT fk_profiles_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: security_events fk_security_events_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.security_events
    ADD CONSTRAINT fk_security_events_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: sessions fk_sessions_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT fk_sessions_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- PostgreSQL database dump complete
--


