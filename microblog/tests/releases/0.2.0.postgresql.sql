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
-- Name: authenticators; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authenticators (
    user_id integer NOT NULL,
    secret bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    confirmed_at timestamp with time zone,
    last_step bigint NOT NULL,
    used_at timestamp with time zone
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
-- Name: conversations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.conversations (
    id integer NOT NULL,
    first_id integer NOT NULL,
    second_id integer NOT NULL,
    CONSTRAINT ck_conversations_order CHECK ((first_id < second_id))
);


--
-- Name: conversations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.conversations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: conversations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.conversations_id_seq OWNED BY public.conversations.id;


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
-- Name: email_preferences; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.email_preferences (
    user_id integer NOT NULL,
    reply character varying(8) NOT NULL,
    mention character varying(8) NOT NULL,
    message character varying(8) NOT NULL,
    reply_since timestamp with time zone NOT NULL,
    mention_since timestamp with time zone NOT NULL,
    message_since timestamp with time zone NOT NULL,
    hour integer NOT NULL,
    weekday integer NOT NULL,
    time_zone character varying(64),
    locale character varying(16) NOT NULL,
    chosen_at timestamp with time zone NOT NULL,
    next_at timestamp with time zone,
    at_once_at timestamp with time zone,
    stopped_at timestamp with time zone
);


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
-- Name: indexed_posts; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.indexed_posts (
    post_id integer NOT NULL,
    terms tsvector NOT NULL
);


--
-- Name: invitations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.invitations (
    id integer NOT NULL,
    digest bytea NOT NULL,
    note character varying(80) NOT NULL,
    created_by_id integer,
    created_at timestamp with time zone NOT NULL,
    ends_at timestamp with time zone NOT NULL,
    uses_maximum integer NOT NULL,
    uses integer NOT NULL,
    revoked_at timestamp with time zone
);


--
-- Name: invitations_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.invitations_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: invitations_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.invitations_id_seq OWNED BY public.invitations.id;


--
-- Name: known_browsers; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.known_browsers (
    id integer NOT NULL,
    user_id integer NOT NULL,
    digest bytea NOT NULL,
    seen_at timestamp with time zone NOT NULL,
    trusted_until timestamp with time zone
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
-- Name: likes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.likes (
    user_id integer NOT NULL,
    post_id integer NOT NULL,
    created_at timestamp with time zone NOT NULL
);


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
-- Name: mail_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_events (
    id bigint NOT NULL,
    source character varying(32) NOT NULL,
    event_id character varying(255) NOT NULL,
    recipient_key character varying(320) NOT NULL,
    at double precision NOT NULL,
    outbox_id bigint,
    domain character varying(255) NOT NULL,
    meaning character varying(16) NOT NULL,
    code character varying(16) NOT NULL,
    words text NOT NULL,
    trusted boolean NOT NULL
);


--
-- Name: mail_events_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.mail_events_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: mail_events_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.mail_events_id_seq OWNED BY public.mail_events.id;


--
-- Name: mail_mailboxes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_mailboxes (
    name character varying(320) NOT NULL,
    uid_validity bigint NOT NULL,
    uid bigint NOT NULL,
    polled_at double precision NOT NULL,
    trouble text
);


--
-- Name: mail_opt_outs; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_opt_outs (
    address_key character varying(320) NOT NULL,
    list character varying(64) NOT NULL,
    reason character varying(16) NOT NULL,
    since double precision NOT NULL,
    until double precision
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
-- Name: mail_reports; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_reports (
    id bigint NOT NULL,
    source character varying(32) NOT NULL,
    event_id character varying(255) NOT NULL,
    received_at double precision NOT NULL,
    due_at double precision NOT NULL,
    envelope_recipient character varying(320) NOT NULL,
    content bytea NOT NULL,
    note text
);


--
-- Name: mail_reports_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.mail_reports_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: mail_reports_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.mail_reports_id_seq OWNED BY public.mail_reports.id;


--
-- Name: mail_suppressions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mail_suppressions (
    address_key character varying(320) NOT NULL,
    reason text NOT NULL,
    since double precision NOT NULL,
    until double precision,
    source character varying(16) DEFAULT 'answer'::character varying NOT NULL,
    tried_at double precision
);


--
-- Name: mentions; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mentions (
    user_id integer NOT NULL,
    post_id integer NOT NULL
);


--
-- Name: message_preferences; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message_preferences (
    user_id integer NOT NULL,
    senders character varying(16) NOT NULL
);


--
-- Name: messages; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.messages (
    id integer NOT NULL,
    conversation_id integer NOT NULL,
    sender_id integer NOT NULL,
    body text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone
);


--
-- Name: messages_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.messages_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: messages_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.messages_id_seq OWNED BY public.messages.id;


--
-- Name: mutes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mutes (
    muter_id integer NOT NULL,
    muted_id integer NOT NULL
);


--
-- Name: name_terms; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.name_terms (
    term character varying(64) NOT NULL COLLATE pg_catalog."C",
    user_id integer NOT NULL
);


--
-- Name: notification_preferences; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notification_preferences (
    user_id integer NOT NULL,
    kind character varying(16) NOT NULL,
    is_wanted boolean NOT NULL
);


--
-- Name: notifications; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.notifications (
    id integer NOT NULL,
    user_id integer NOT NULL,
    kind character varying(16) NOT NULL,
    actor_id integer NOT NULL,
    post_id integer,
    created_at timestamp with time zone NOT NULL,
    read_at timestamp with time zone
);


--
-- Name: notifications_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.notifications_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: notifications_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.notifications_id_seq OWNED BY public.notifications.id;


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
    waits_for character varying(255) DEFAULT ''::character varying NOT NULL,
    key character varying(64),
    send_at double precision
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
-- Name: participations; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.participations (
    user_id integer NOT NULL,
    conversation_id integer NOT NULL,
    other_id integer NOT NULL,
    last_message_id integer NOT NULL,
    read_through_id integer NOT NULL,
    deleted_through_id integer NOT NULL,
    unread integer NOT NULL
);


--
-- Name: passkeys; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.passkeys (
    id integer NOT NULL,
    user_id integer NOT NULL,
    credential_id bytea NOT NULL,
    public_key bytea NOT NULL,
    sign_count bigint NOT NULL,
    name character varying(64) NOT NULL,
    transports json NOT NULL,
    is_synced boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);


--
-- Name: passkeys_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.passkeys_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: passkeys_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.passkeys_id_seq OWNED BY public.passkeys.id;


--
-- Name: password_reset_requests; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.password_reset_requests (
    digest bytea NOT NULL,
    message_id bigint NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    tries integer NOT NULL
);


--
-- Name: post_tags; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.post_tags (
    tag character varying(64) NOT NULL COLLATE pg_catalog."C",
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
    edited_at timestamp with time zone,
    thread_id integer,
    reply_to_id integer,
    reply_to_user_id integer,
    deleted_at timestamp with time zone
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
-- Name: recovery_codes; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.recovery_codes (
    user_id integer NOT NULL,
    digest bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone
);


--
-- Name: removals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.removals (
    post_id integer NOT NULL,
    body text NOT NULL,
    reason text NOT NULL,
    removed_at timestamp with time zone NOT NULL,
    removed_by_id integer
);


--
-- Name: reports; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.reports (
    id integer NOT NULL,
    reporter_id integer,
    author_id integer NOT NULL,
    post_id integer,
    message_id integer,
    body text NOT NULL,
    reason character varying(16) NOT NULL,
    comment text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    resolved_at timestamp with time zone,
    resolved_by_id integer,
    outcome character varying(16)
);


--
-- Name: reports_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.reports_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: reports_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.reports_id_seq OWNED BY public.reports.id;


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
    address character varying(64) NOT NULL,
    methods character varying(64) DEFAULT 'pwd'::character varying NOT NULL,
    proved_at timestamp with time zone
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
-- Name: used_challenges; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.used_challenges (
    challenge bytea NOT NULL,
    ends_at timestamp with time zone NOT NULL
);


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
    confusable_username boolean NOT NULL,
    display_name character varying(160),
    passkey_handle bytea,
    second_factor_ends_at timestamp with time zone
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
-- Name: conversations id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations ALTER COLUMN id SET DEFAULT nextval('public.conversations_id_seq'::regclass);


--
-- Name: email_changes id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes ALTER COLUMN id SET DEFAULT nextval('public.email_changes_id_seq'::regclass);


--
-- Name: invitations id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invitations ALTER COLUMN id SET DEFAULT nextval('public.invitations_id_seq'::regclass);


--
-- Name: known_browsers id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers ALTER COLUMN id SET DEFAULT nextval('public.known_browsers_id_seq'::regclass);


--
-- Name: mail_counted id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_counted ALTER COLUMN id SET DEFAULT nextval('public.mail_counted_id_seq'::regclass);


--
-- Name: mail_events id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_events ALTER COLUMN id SET DEFAULT nextval('public.mail_events_id_seq'::regclass);


--
-- Name: mail_reports id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_reports ALTER COLUMN id SET DEFAULT nextval('public.mail_reports_id_seq'::regclass);


--
-- Name: messages id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages ALTER COLUMN id SET DEFAULT nextval('public.messages_id_seq'::regclass);


--
-- Name: notifications id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications ALTER COLUMN id SET DEFAULT nextval('public.notifications_id_seq'::regclass);


--
-- Name: outbox id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);


--
-- Name: passkeys id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passkeys ALTER COLUMN id SET DEFAULT nextval('public.passkeys_id_seq'::regclass);


--
-- Name: posts id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts ALTER COLUMN id SET DEFAULT nextval('public.posts_id_seq'::regclass);


--
-- Name: reports id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports ALTER COLUMN id SET DEFAULT nextval('public.reports_id_seq'::regclass);


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

INSERT INTO public.alembic_version VALUES ('0020');


--
-- Data for Name: authenticators; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.authenticators VALUES (3, '\x7365616c6564', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', 4294967296, '2026-01-02 03:04:05.678901+00');
INSERT INTO public.authenticators VALUES (4, '\x7365616c6564', '2026-01-02 03:04:05.678901+00', NULL, 4294967296, NULL);


--
-- Data for Name: avatars; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.avatars VALUES (1, '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff');


--
-- Data for Name: blocks; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.blocks VALUES (2, 4);


--
-- Data for Name: conversations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.conversations VALUES (1, 1, 2);


--
-- Data for Name: email_changes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.email_changes VALUES (1, 3, 'user2@example.com', 'carol@example.net', '2026-11-30 11:00:22.878521+00', NULL, NULL, NULL, 'user2@example.com', 'carol@example.net');
INSERT INTO public.email_changes VALUES (2, 1, 'Before@example.com', 'user0@example.com', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', '2099-12-31 23:59:59+00', 'before@example.com', 'user0@example.com');


--
-- Data for Name: email_preferences; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.email_preferences VALUES (1, 'weekly', 'weekly', 'weekly', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', 23, 6, 'Europe/Moscow', 'zh_Hant', '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', '2099-12-31 23:59:59+00', '2099-12-31 23:59:59+00');
INSERT INTO public.email_preferences VALUES (2, 'never', 'never', 'never', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', 23, 6, NULL, 'zh_Hant', '2026-01-02 03:04:05.678901+00', NULL, NULL, NULL);


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
-- Data for Name: indexed_posts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.indexed_posts VALUES (1, '''0:0'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (2, '''0:1'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (3, '''0:2'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (4, '''0:3'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (5, '''0:4'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (6, '''0:5'' ''0:about'' ''0:in'' ''0:noth'' ''0:nothing'' ''0:number'' ''0:particular'' ''0:post''');
INSERT INTO public.indexed_posts VALUES (7, '''0:garden'' ''0:hello'' ''0:user1'' ''0:сад'' ''0:園'' ''0:花'' ''0:花園''');


--
-- Data for Name: invitations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.invitations VALUES (1, '\x0000000000000000000000000000000000000000000000000000000000000000', '🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱', 1, '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', 1000, 1000, '2026-01-02 03:04:05.678901+00');
INSERT INTO public.invitations VALUES (2, '\x0101010101010101010101010101010101010101010101010101010101010101', '🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱', NULL, '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', 1000, 1000, NULL);


--
-- Data for Name: known_browsers; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.known_browsers VALUES (1, 1, '\x869ab8fe83bfa84b3ad076bfca1c94714a5334786569089163c62fef3e9887c0', '2026-11-30 11:00:19.955509+00', NULL);
INSERT INTO public.known_browsers VALUES (2, 2, '\x1a68e09665ee2daecd154c4a7a139a3c8ecd27cd7cf8aad132dbc1d0e2e8647f', '2026-11-30 11:00:20.476071+00', NULL);
INSERT INTO public.known_browsers VALUES (3, 3, '\xc8adb0db65db594e4655e324ce2951473adae183a43cf40e38b3db1a8582380a', '2026-11-30 11:00:20.652835+00', NULL);
INSERT INTO public.known_browsers VALUES (4, 4, '\x79f9bdc23e371f3a304bf0b4af5538a24800cfeb24ee7f47dcc1e835cc15f539', '2026-11-30 11:00:20.815904+00', NULL);
INSERT INTO public.known_browsers VALUES (5, 5, '\xd5b706870ba77dc1966bffb4739d9dd9f313a8a6f8bdf888b03fedb0dbd2e693', '2026-11-30 11:00:21.14599+00', NULL);
INSERT INTO public.known_browsers VALUES (6, 1, '\x6262626262626262626262626262626262626262626262626262626262626262', '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00');


--
-- Data for Name: likes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.likes VALUES (1, 2, '2026-01-02 03:04:05.678901+00');


--
-- Data for Name: login_throttles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.login_throttles VALUES ('8799fcd95781a630958477015544096086865b0be403acf28bc581bbdd1aed83', 1, '2026-11-30 11:00:21.232447+00', NULL);
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
-- Data for Name: mail_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_events VALUES (1, 'report', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'user1@example.com', 1767323045.678901, 1, 'example.com', 'dead', '5.1.1', '''"\%;-- 🌱 花園 Сад İ
	~', true);
INSERT INTO public.mail_events VALUES (2, 'ses', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 'user1@example.com', 1767323045.678901, NULL, 'example.com', 'dead', '5.1.1', '''"\%;-- 🌱 花園 Сад İ
	~', false);


--
-- Data for Name: mail_mailboxes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_mailboxes VALUES ('bounces@example.com', 4294967295, 4294967295, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~');
INSERT INTO public.mail_mailboxes VALUES ('spam@example.com', 4294967295, 4294967295, 1767323045.678901, NULL);


--
-- Data for Name: mail_opt_outs; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_opt_outs VALUES ('user1@example.com', '', 'complaint', 1767323045.678901, NULL);
INSERT INTO public.mail_opt_outs VALUES ('user1@example.com', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd', 'complaint', 1767323045.678901, 4102444799);


--
-- Data for Name: mail_rate_slots; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_rate_slots VALUES ('example.com', 0, 4102444799, 1099511627776);


--
-- Data for Name: mail_reports; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_reports VALUES (1, 'report', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1767323045.678901, 4102444799, 'bounces@example.com', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', '''"\%;-- 🌱 花園 Сад İ
	~');
INSERT INTO public.mail_reports VALUES (2, 'ses', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', 1767323045.678901, 4102444799, 'bounces@example.com', '\x000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', NULL);


--
-- Data for Name: mail_suppressions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mail_suppressions VALUES ('gone@example.com', '''"\%;-- 🌱 花園 Сад İ
	~', 1767323045.678901, 4102444799, 'report', 1767323045.678901);
INSERT INTO public.mail_suppressions VALUES ('İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', '', 0, NULL, 'answer', NULL);


--
-- Data for Name: mentions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mentions VALUES (2, 7);


--
-- Data for Name: message_preferences; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.message_preferences VALUES (1, 'following');


--
-- Data for Name: messages; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.messages VALUES (1, 1, 1, '''"\%;-- 🌱 花園 Сад İ
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
	~', '2026-01-02 03:04:05.678901+00', NULL);
INSERT INTO public.messages VALUES (2, 1, 2, '', '2099-12-31 23:59:59+00', '2099-12-31 23:59:59+00');


--
-- Data for Name: mutes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.mutes VALUES (2, 3);


--
-- Data for Name: name_terms; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.name_terms VALUES ('user3', 4);
INSERT INTO public.name_terms VALUES ('user2', 3);
INSERT INTO public.name_terms VALUES ('user0', 1);
INSERT INTO public.name_terms VALUES ('newcomer', 5);
INSERT INTO public.name_terms VALUES ('user1', 2);


--
-- Data for Name: notification_preferences; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.notification_preferences VALUES (1, 'like', false);


--
-- Data for Name: notifications; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.notifications VALUES (1, 2, 'mention', 1, 7, '2026-11-30 11:00:21.721638+00', NULL);
INSERT INTO public.notifications VALUES (2, 2, 'like', 1, 2, '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00');
INSERT INTO public.notifications VALUES (3, 2, 'follow', 3, NULL, '2099-12-31 23:59:59+00', NULL);


--
-- Data for Name: outbox; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.outbox VALUES (12, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<deferred@example.com>', 1796036423.3459985, 4102444799, 0, 'deferred', 2, 1, NULL, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "deferred", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, 'example.com', '0000000000000000000000000000000000000000000000000000000000000000', 1767323045.678901);
INSERT INTO public.outbox VALUES (13, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<sent@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'sent', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "sent", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000001', 1767323045.678901);
INSERT INTO public.outbox VALUES (14, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<dead@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'dead', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "dead", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, true, '', '0000000000000000000000000000000000000000000000000000000000000002', 1767323045.678901);
INSERT INTO public.outbox VALUES (15, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<discarded@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'discarded', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "discarded", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000003', 1767323045.678901);
INSERT INTO public.outbox VALUES (16, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<expired@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'expired', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "expired", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000004', 1767323045.678901);
INSERT INTO public.outbox VALUES (17, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<cancelled@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'cancelled', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "cancelled", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000005', 1767323045.678901);
INSERT INTO public.outbox VALUES (18, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<unknown@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'unknown', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "unknown", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000006', 1767323045.678901);
INSERT INTO public.outbox VALUES (19, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<delivered@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'delivered', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "delivered", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000007', 1767323045.678901);
INSERT INTO public.outbox VALUES (20, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<bounced@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'bounced', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "bounced", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000008', 1767323045.678901);
INSERT INTO public.outbox VALUES (21, 'mail.ready', 1, 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'en', '{"subject": "example \ud83c\udf31 \u0421\u0430\u0434", "text": "text \u82b1\u5712", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', '["example@example.com"]', '<complained@example.com>', 1796036423.3459985, 1767323045.678901, 0, 'complained', 2, 1, 1767323045.678901, '''"\%;-- 🌱 花園 Сад İ
	~', 'example@example.com', '[{"attempt": 2, "at": 1.5, "status": "complained", "answer": "''\"\\%;-- \ud83c\udf31 \u82b1\u5712 \u0421\u0430\u0434 \u0130\n\t~"}]', 1767323045.678901, false, '', '0000000000000000000000000000000000000000000000000000000000000009', 1767323045.678901);
INSERT INTO public.outbox VALUES (1, 'accounts.new_browser', 0, 'user0@example.com', 'en', '{"user_id": 1, "at": 1796036419, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642040.24631.10069439111022910601@example.com>', 1796036420.4028947, 1796036420.4028947, NULL, 'queued', 0, 0, NULL, NULL, 'user0@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (2, 'accounts.new_browser', 0, 'user1@example.com', 'en', '{"user_id": 2, "at": 1796036420, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642063.24631.15213676604729325794@example.com>', 1796036420.6382515, 1796036420.6382515, NULL, 'queued', 0, 0, NULL, NULL, 'user1@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (3, 'accounts.new_browser', 0, 'user2@example.com', 'en', '{"user_id": 3, "at": 1796036420, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642079.24631.3169390216888636407@example.com>', 1796036420.7924402, 1796036420.7924402, NULL, 'queued', 0, 0, NULL, NULL, 'user2@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (4, 'accounts.new_browser', 0, 'user3@example.com', 'en', '{"user_id": 4, "at": 1796036420, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642090.24631.8542190817610142590@example.com>', 1796036420.900991, 1796036420.900991, NULL, 'queued', 0, 0, NULL, NULL, 'user3@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (5, 'accounts.verify_email', 0, 'Newcomer@example.com', 'en', '{"user_id": 5, "at": 1796036421, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642121.24631.5533227376258741910@example.com>', 1796036421.218837, 1796036421.218837, NULL, 'queued', 0, 0, NULL, NULL, 'newcomer@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (6, 'accounts.reset_password', 0, 'user1@example.com', 'en', '{"at": 1796036421, "browser": "", "address": "127.0.0.0/24", "nonce_digest": "03ca27f94fcba3e688755c9d8cb3795e5236ac1dff0f1f2e770b039b30a800a7"}', NULL, '<179603642131.24631.7604912597640333540@example.com>', 1796036421.3126183, 1796036421.3126183, NULL, 'queued', 0, 0, NULL, NULL, 'user1@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (7, 'accounts.confirm_email_change', 0, 'carol@example.net', 'en', '{"change_id": 1, "at": 1796036422, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642306.24631.10075646731169507529@example.com>', 1796036423.0648239, 1796036423.0648239, NULL, 'queued', 0, 0, NULL, NULL, 'carol@example.net', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (8, 'accounts.email_change_notice', 0, 'user2@example.com', 'en', '{"change_id": 1, "user_id": 3, "at": 1796036422, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642308.24631.16160233888902692313@example.com>', 1796036423.0828807, 1796036423.0828807, NULL, 'queued', 0, 0, NULL, NULL, 'user2@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (9, 'accounts.deletion_notice', 0, 'user3@example.com', 'en', '{"user_id": 4, "at": 1796036423, "browser": "", "address": "127.0.0.0/24"}', NULL, '<179603642328.24631.9638068590393673340@example.com>', 1796036423.2825248, 1796036423.2825248, NULL, 'queued', 0, 0, NULL, NULL, 'user3@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (10, 'mail.ready', 1, 'waits@example.com', 'en', '{"subject": "waits 🌱 Сад", "text": "text 花園", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "waits", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', NULL, '<179603642333.24631.11691431143936794372@example.com>', 1796036423.3342297, 1796036423.3342297, NULL, 'queued', 0, 0, NULL, NULL, 'waits@example.com', '[]', NULL, false, '', NULL, NULL);
INSERT INTO public.outbox VALUES (11, 'mail.ready', 1, 'example@example.com', 'en', '{"subject": "example 🌱 Сад", "text": "text 花園", "html": "<p>text</p>", "sender": ["", "admin", "example.com"], "to": [["", "example", "example.com"]], "cc": [], "bcc": [], "reply_to": [], "attachments": [], "headers": {}, "alternatives": {}, "charset": null, "ascii_attachments": false}', NULL, '<179603642334.24631.4112732174894036718@example.com>', 1796036423.3459985, 1796036423.3459985, NULL, 'queued', 0, 0, NULL, NULL, 'example@example.com', '[]', NULL, false, '', NULL, NULL);


--
-- Data for Name: participations; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.participations VALUES (1, 1, 2, 2, 1, 0, 1);
INSERT INTO public.participations VALUES (2, 1, 1, 2, 2, 1, 0);


--
-- Data for Name: passkeys; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.passkeys VALUES (1, 3, '\x000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000', '\x6b6579', 0, '🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱', '["usb"]', false, '2026-01-02 03:04:05.678901+00', NULL);
INSERT INTO public.passkeys VALUES (2, 3, '\x010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101010101', '\x6b6579', 2147483648, '🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱', '["usb"]', true, '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00');


--
-- Data for Name: password_reset_requests; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.password_reset_requests VALUES ('\x03ca27f94fcba3e688755c9d8cb3795e5236ac1dff0f1f2e770b039b30a800a7', 6, '2026-11-30 11:00:21.310585+00', 0);


--
-- Data for Name: post_tags; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.post_tags VALUES ('garden', 7);


--
-- Data for Name: posts; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.posts VALUES (1, 'Post number 0, about nothing in particular.', '2026-01-01 00:00:00+00', 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (2, 'Post number 1, about nothing in particular.', '2026-01-01 00:00:01+00', 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (3, 'Post number 2, about nothing in particular.', '2026-01-01 00:00:02+00', 4, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (4, 'Post number 3, about nothing in particular.', '2026-01-01 00:00:03+00', 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (5, 'Post number 4, about nothing in particular.', '2026-01-01 00:00:04+00', 3, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (6, 'Post number 5, about nothing in particular.', '2026-01-01 00:00:05+00', 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (7, 'Hello @user1 #garden 🌱 花園 Сад', '2026-11-30 11:00:21.721638+00', 1, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (8, '', '1970-01-01 00:00:00+00', 1, NULL, NULL, NULL, NULL, NULL);
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
	~', '2099-12-31 23:59:59+00', 2, '2099-12-31 23:59:59+00', NULL, NULL, NULL, NULL);
INSERT INTO public.posts VALUES (10, 'no', '2099-12-31 23:59:59+00', 3, NULL, 1, 2, 1, '2099-12-31 23:59:59+00');
INSERT INTO public.posts VALUES (11, 'gone', '2099-12-31 23:59:59+00', 3, NULL, 2147483647, NULL, NULL, NULL);


--
-- Data for Name: profiles; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.profiles VALUES (2, 'Beans 🌱, 豆子, бобы', NULL);
INSERT INTO public.profiles VALUES (1, '''"\%;-- 🌱 花園 Сад İ
	~', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');


--
-- Data for Name: recovery_codes; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.recovery_codes VALUES (3, '\x0000000000000000000000000000000000000000000000000000000000000000', '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00');
INSERT INTO public.recovery_codes VALUES (3, '\x0101010101010101010101010101010101010101010101010101010101010101', '2026-01-02 03:04:05.678901+00', NULL);


--
-- Data for Name: removals; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.removals VALUES (3, '''"\%;-- 🌱 花園 Сад İ
	~', '''"\%;-- 🌱 花園 Сад İ
	~', '2026-01-02 03:04:05.678901+00', 1);
INSERT INTO public.removals VALUES (4, '', '', '2099-12-31 23:59:59+00', NULL);


--
-- Data for Name: reports; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.reports VALUES (1, 1, 2, 2, NULL, '''"\%;-- 🌱 花園 Сад İ
	~', 'spam', '''"\%;-- 🌱 花園 Сад İ
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
	~', '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', 1, 'dismissed');
INSERT INTO public.reports VALUES (2, NULL, 2, NULL, 2, '', 'other', '', '2099-12-31 23:59:59+00', NULL, NULL, NULL);


--
-- Data for Name: security_events; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.security_events VALUES (1, 1, 'logged_in_new_browser', '2026-11-30 11:00:19.955509+00', '', '127.0.0.0/24', '{"methods": "pwd"}');
INSERT INTO public.security_events VALUES (2, 2, 'logged_in_new_browser', '2026-11-30 11:00:20.476071+00', '', '127.0.0.0/24', '{"methods": "pwd"}');
INSERT INTO public.security_events VALUES (3, 3, 'logged_in_new_browser', '2026-11-30 11:00:20.652835+00', '', '127.0.0.0/24', '{"methods": "pwd"}');
INSERT INTO public.security_events VALUES (4, 4, 'logged_in_new_browser', '2026-11-30 11:00:20.815904+00', '', '127.0.0.0/24', '{"methods": "pwd"}');
INSERT INTO public.security_events VALUES (5, 5, 'registered', '2026-11-30 11:00:21.14599+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (6, 5, 'logged_in', '2026-11-30 11:00:21.14599+00', '', '127.0.0.0/24', '{}');
INSERT INTO public.security_events VALUES (7, 3, 'email_change_asked', '2026-11-30 11:00:22.878521+00', '', '127.0.0.0/24', '{"email": "carol@example.net"}');
INSERT INTO public.security_events VALUES (8, 4, 'deletion_asked', '2026-11-30 11:00:23.15955+00', '', '127.0.0.0/24', '{}');


--
-- Data for Name: sessions; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.sessions VALUES (1, 1, '\x9533a8e1ec1519620a5850b9e6d9b45c1f842962ff425ba025edbf85f461fdb7', true, '2026-11-30 11:00:19.955509+00', '2026-11-30 11:00:19.955509+00', '', '127.0.0.0/24', 'pwd', NULL);
INSERT INTO public.sessions VALUES (2, 2, '\x8e1c91ddeec98071a2c080162b39323fda74ea1f20fdbe1e76b83b504799828b', true, '2026-11-30 11:00:20.476071+00', '2026-11-30 11:00:20.476071+00', '', '127.0.0.0/24', 'pwd', NULL);
INSERT INTO public.sessions VALUES (3, 3, '\x535e33ceb19b143fa827aec2a1d76dc2eed7d6c44500e506f3e98a22693f2c7d', true, '2026-11-30 11:00:20.652835+00', '2026-11-30 11:00:20.652835+00', '', '127.0.0.0/24', 'pwd', NULL);
INSERT INTO public.sessions VALUES (5, 5, '\x120ae739646573976a6d890dcfbf83aa5d196fb39786da02274378a15b6894c6', false, '2026-11-30 11:00:21.14599+00', '2026-11-30 11:00:21.14599+00', '', '127.0.0.0/24', 'pwd', NULL);
INSERT INTO public.sessions VALUES (6, 1, '\x7373737373737373737373737373737373737373737373737373737373737373', true, '2026-01-02 03:04:05.678901+00', '2026-01-02 03:04:05.678901+00', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', 'pwd otp', '2026-01-02 03:04:05.678901+00');


--
-- Data for Name: used_challenges; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.used_challenges VALUES ('\x6363636363636363636363636363636363636363636363636363636363636363', '2099-12-31 23:59:59+00');


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.users VALUES (1, 'user0', 'user0', 'user0@example.com', 'user0@example.com', '$argon2id$v=19$m=19456,t=2,p=1$OqzloUxhphNC7Dxj3Nb0Hw$Uuug0ZQjPYocBUb8Y24xtREB1brMu8h1no2US0Z17Uo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, '2026-11-30 11:00:19.955509+00', NULL, NULL, 'usero', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (2, 'user1', 'user1', 'user1@example.com', 'user1@example.com', '$argon2id$v=19$m=19456,t=2,p=1$OqzloUxhphNC7Dxj3Nb0Hw$Uuug0ZQjPYocBUb8Y24xtREB1brMu8h1no2US0Z17Uo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, '2026-11-30 11:00:20.476071+00', NULL, NULL, 'userl', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (3, 'user2', 'user2', 'user2@example.com', 'user2@example.com', '$argon2id$v=19$m=19456,t=2,p=1$OqzloUxhphNC7Dxj3Nb0Hw$Uuug0ZQjPYocBUb8Y24xtREB1brMu8h1no2US0Z17Uo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, NULL, '2026-11-30 11:00:20.652835+00', NULL, NULL, 'user2', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (5, 'newcomer', 'newcomer', 'Newcomer@example.com', 'newcomer@example.com', '$argon2id$v=19$m=19456,t=2,p=1$gAqu4w11Lb2uTUOjGrc0tw$zXf7Ub31IGlVhx5tI594U3YegG2FfyTPHQD4qw7j5VQ', '2026-11-30 11:00:21.212128+00', NULL, false, NULL, NULL, '2026-11-30 11:00:21.14599+00', NULL, NULL, 'newcorner', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (4, 'user3', 'user3', 'user3@example.com', 'user3@example.com', '$argon2id$v=19$m=19456,t=2,p=1$OqzloUxhphNC7Dxj3Nb0Hw$Uuug0ZQjPYocBUb8Y24xtREB1brMu8h1no2US0Z17Uo', '2026-01-01 00:00:00+00', '2026-01-01 00:00:00+00', false, NULL, '2026-12-07 11:00:23.15955+00', '2026-11-30 11:00:20.815904+00', NULL, NULL, 'user3', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (6, 'ЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖЖ', 'жжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж', 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', 'İİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİİ@xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx.org', '-', '2026-01-02 03:04:05.678901+00', NULL, false, NULL, NULL, NULL, NULL, NULL, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx', false, NULL, NULL, NULL);
INSERT INTO public.users VALUES (7, 'usеr0', 'usеr0', 'User0@example.com', 'user0@example.com', '-', '2026-01-02 03:04:05.678901+00', NULL, true, '2026-01-02 03:04:05.678901+00', '2099-12-31 23:59:59+00', '2026-01-02 03:04:05.678901+00', 'zh_Hant', 'Europe/Moscow', 'userO', true, '🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱🌱', '\x6868686868686868686868686868686868686868686868686868686868686868', '2099-12-31 23:59:59+00');


--
-- Name: conversations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.conversations_id_seq', 1, true);


--
-- Name: email_changes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.email_changes_id_seq', 2, true);


--
-- Name: invitations_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.invitations_id_seq', 2, true);


--
-- Name: known_browsers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.known_browsers_id_seq', 6, true);


--
-- Name: mail_counted_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.mail_counted_id_seq', 1, false);


--
-- Name: mail_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.mail_events_id_seq', 2, true);


--
-- Name: mail_reports_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.mail_reports_id_seq', 2, true);


--
-- Name: messages_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.messages_id_seq', 2, true);


--
-- Name: notifications_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.notifications_id_seq', 3, true);


--
-- Name: outbox_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.outbox_id_seq', 21, true);


--
-- Name: passkeys_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.passkeys_id_seq', 2, true);


--
-- Name: posts_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.posts_id_seq', 11, true);


--
-- Name: reports_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.reports_id_seq', 2, true);


--
-- Name: security_events_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.security_events_id_seq', 8, true);


--
-- Name: sessions_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.sessions_id_seq', 6, true);


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
-- Name: authenticators pk_authenticators; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT pk_authenticators PRIMARY KEY (user_id);


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
-- Name: conversations pk_conversations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT pk_conversations PRIMARY KEY (id);


--
-- Name: email_changes pk_email_changes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT pk_email_changes PRIMARY KEY (id);


--
-- Name: email_preferences pk_email_preferences; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_preferences
    ADD CONSTRAINT pk_email_preferences PRIMARY KEY (user_id);


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
-- Name: indexed_posts pk_indexed_posts; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.indexed_posts
    ADD CONSTRAINT pk_indexed_posts PRIMARY KEY (post_id);


--
-- Name: invitations pk_invitations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT pk_invitations PRIMARY KEY (id);


--
-- Name: known_browsers pk_known_browsers; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT pk_known_browsers PRIMARY KEY (id);


--
-- Name: likes pk_likes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.likes
    ADD CONSTRAINT pk_likes PRIMARY KEY (user_id, post_id);


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
-- Name: mail_events pk_mail_events; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_events
    ADD CONSTRAINT pk_mail_events PRIMARY KEY (id);


--
-- Name: mail_mailboxes pk_mail_mailboxes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_mailboxes
    ADD CONSTRAINT pk_mail_mailboxes PRIMARY KEY (name);


--
-- Name: mail_opt_outs pk_mail_opt_outs; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_opt_outs
    ADD CONSTRAINT pk_mail_opt_outs PRIMARY KEY (address_key, list);


--
-- Name: mail_rate_slots pk_mail_rate_slots; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_rate_slots
    ADD CONSTRAINT pk_mail_rate_slots PRIMARY KEY (name, number);


--
-- Name: mail_reports pk_mail_reports; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_reports
    ADD CONSTRAINT pk_mail_reports PRIMARY KEY (id);


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
-- Name: message_preferences pk_message_preferences; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_preferences
    ADD CONSTRAINT pk_message_preferences PRIMARY KEY (user_id);


--
-- Name: messages pk_messages; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT pk_messages PRIMARY KEY (id);


--
-- Name: mutes pk_mutes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mutes
    ADD CONSTRAINT pk_mutes PRIMARY KEY (muter_id, muted_id);


--
-- Name: name_terms pk_name_terms; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.name_terms
    ADD CONSTRAINT pk_name_terms PRIMARY KEY (term, user_id);


--
-- Name: notification_preferences pk_notification_preferences; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notification_preferences
    ADD CONSTRAINT pk_notification_preferences PRIMARY KEY (user_id, kind);


--
-- Name: notifications pk_notifications; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT pk_notifications PRIMARY KEY (id);


--
-- Name: outbox pk_outbox; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);


--
-- Name: participations pk_participations; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.participations
    ADD CONSTRAINT pk_participations PRIMARY KEY (user_id, conversation_id);


--
-- Name: passkeys pk_passkeys; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT pk_passkeys PRIMARY KEY (id);


--
-- Name: password_reset_requests pk_password_reset_requests; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.password_reset_requests
    ADD CONSTRAINT pk_password_reset_requests PRIMARY KEY (digest);


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
-- Name: recovery_codes pk_recovery_codes; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT pk_recovery_codes PRIMARY KEY (user_id, digest);


--
-- Name: removals pk_removals; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.removals
    ADD CONSTRAINT pk_removals PRIMARY KEY (post_id);


--
-- Name: reports pk_reports; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT pk_reports PRIMARY KEY (id);


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
-- Name: used_challenges pk_used_challenges; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.used_challenges
    ADD CONSTRAINT pk_used_challenges PRIMARY KEY (challenge);


--
-- Name: users pk_users; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);


--
-- Name: conversations uq_conversations_first_id_second_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT uq_conversations_first_id_second_id UNIQUE (first_id, second_id);


--
-- Name: invitations uq_invitations_digest; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT uq_invitations_digest UNIQUE (digest);


--
-- Name: mail_events uq_mail_events_source_event_id_recipient_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_events
    ADD CONSTRAINT uq_mail_events_source_event_id_recipient_key UNIQUE (source, event_id, recipient_key);


--
-- Name: mail_reports uq_mail_reports_source_event_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mail_reports
    ADD CONSTRAINT uq_mail_reports_source_event_id UNIQUE (source, event_id);


--
-- Name: passkeys uq_passkeys_credential_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT uq_passkeys_credential_id UNIQUE (credential_id);


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
-- Name: ix_conversations_second_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_conversations_second_id ON public.conversations USING btree (second_id);


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
-- Name: ix_email_preferences_next_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_email_preferences_next_at ON public.email_preferences USING btree (next_at) WHERE (next_at IS NOT NULL);


--
-- Name: ix_follows_followed_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_follows_followed_id ON public.follows USING btree (followed_id);


--
-- Name: ix_indexed_posts_terms; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_indexed_posts_terms ON public.indexed_posts USING gin (terms) WITH (fastupdate=off);


--
-- Name: ix_invitations_created_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_invitations_created_by_id ON public.invitations USING btree (created_by_id);


--
-- Name: ix_known_browsers_seen_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_known_browsers_seen_at ON public.known_browsers USING btree (seen_at);


--
-- Name: ix_known_browsers_user_id_digest; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_known_browsers_user_id_digest ON public.known_browsers USING btree (user_id, digest);


--
-- Name: ix_likes_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_likes_post_id ON public.likes USING btree (post_id);


--
-- Name: ix_login_throttles_failed_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_login_throttles_failed_at ON public.login_throttles USING btree (failed_at);


--
-- Name: ix_mail_events_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_events_at ON public.mail_events USING btree (at);


--
-- Name: ix_mail_events_outbox_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_events_outbox_id ON public.mail_events USING btree (outbox_id);


--
-- Name: ix_mail_events_recipient_key_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_events_recipient_key_at ON public.mail_events USING btree (recipient_key, at);


--
-- Name: ix_mail_rate_slots_name_free_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_rate_slots_name_free_at ON public.mail_rate_slots USING btree (name, free_at);


--
-- Name: ix_mail_reports_due_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mail_reports_due_at ON public.mail_reports USING btree (due_at) WHERE (note IS NULL);


--
-- Name: ix_mentions_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mentions_post_id ON public.mentions USING btree (post_id);


--
-- Name: ix_messages_conversation_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_messages_conversation_id_id ON public.messages USING btree (conversation_id, id);


--
-- Name: ix_messages_sender_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_messages_sender_id ON public.messages USING btree (sender_id);


--
-- Name: ix_mutes_muted_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mutes_muted_id ON public.mutes USING btree (muted_id);


--
-- Name: ix_name_terms_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_name_terms_user_id ON public.name_terms USING btree (user_id);


--
-- Name: ix_notifications_actor_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_notifications_actor_id ON public.notifications USING btree (actor_id);


--
-- Name: ix_notifications_read_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_notifications_read_at ON public.notifications USING btree (read_at) WHERE (read_at IS NOT NULL);


--
-- Name: ix_notifications_unread; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_notifications_unread ON public.notifications USING btree (user_id, id) WHERE (read_at IS NULL);


--
-- Name: ix_notifications_user_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_notifications_user_id_id ON public.notifications USING btree (user_id, id);


--
-- Name: ix_notifications_withdrawn; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_notifications_withdrawn ON public.notifications USING btree (read_at) WHERE ((kind)::text = ANY ((ARRAY['unmention'::character varying, 'unlike'::character varying, 'unfollow'::character varying])::text[]));


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
-- Name: ix_participations_conversation_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_participations_conversation_id ON public.participations USING btree (conversation_id);


--
-- Name: ix_participations_other_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_participations_other_id ON public.participations USING btree (other_id);


--
-- Name: ix_participations_unread; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_participations_unread ON public.participations USING btree (user_id) WHERE (unread > 0);


--
-- Name: ix_participations_user_id_last_message_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_participations_user_id_last_message_id ON public.participations USING btree (user_id, last_message_id);


--
-- Name: ix_passkeys_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_passkeys_user_id ON public.passkeys USING btree (user_id);


--
-- Name: ix_password_reset_requests_requested_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_password_reset_requests_requested_at ON public.password_reset_requests USING btree (requested_at);


--
-- Name: ix_post_tags_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_post_tags_post_id ON public.post_tags USING btree (post_id);


--
-- Name: ix_posts_deleted_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_deleted_at ON public.posts USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);


--
-- Name: ix_posts_reply_to_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_reply_to_id_id ON public.posts USING btree (reply_to_id, id) WHERE (reply_to_id IS NOT NULL);


--
-- Name: ix_posts_reply_to_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_reply_to_user_id ON public.posts USING btree (reply_to_user_id) WHERE (reply_to_user_id IS NOT NULL);


--
-- Name: ix_posts_thread_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_thread_id_id ON public.posts USING btree (thread_id, id) WHERE (thread_id IS NOT NULL);


--
-- Name: ix_posts_user_id_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_posts_user_id_id ON public.posts USING btree (user_id, id);


--
-- Name: ix_removals_removed_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_removals_removed_by_id ON public.removals USING btree (removed_by_id);


--
-- Name: ix_reports_author_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_author_id ON public.reports USING btree (author_id);


--
-- Name: ix_reports_message_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_message_id ON public.reports USING btree (message_id);


--
-- Name: ix_reports_open; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_open ON public.reports USING btree (id) WHERE (resolved_at IS NULL);


--
-- Name: ix_reports_post_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_post_id ON public.reports USING btree (post_id);


--
-- Name: ix_reports_reporter_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_reporter_id ON public.reports USING btree (reporter_id);


--
-- Name: ix_reports_resolved_by_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_reports_resolved_by_id ON public.reports USING btree (resolved_by_id);


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
-- Name: ix_used_challenges_ends_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_used_challenges_ends_at ON public.used_challenges USING btree (ends_at);


--
-- Name: ix_users_deletes_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_deletes_at ON public.users USING btree (deletes_at) WHERE (deletes_at IS NOT NULL);


--
-- Name: ix_users_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_email_key ON public.users USING btree (email_key);


--
-- Name: ix_users_second_factor_ends_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_second_factor_ends_at ON public.users USING btree (second_factor_ends_at) WHERE (second_factor_ends_at IS NOT NULL);


--
-- Name: ix_users_username_skeleton; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_users_username_skeleton ON public.users USING btree (username_skeleton);


--
-- Name: uq_notifications_of_people; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_notifications_of_people ON public.notifications USING btree (user_id, kind, actor_id) WHERE (post_id IS NULL);


--
-- Name: uq_notifications_of_posts; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_notifications_of_posts ON public.notifications USING btree (post_id, user_id, kind, actor_id) WHERE (post_id IS NOT NULL);


--
-- Name: uq_outbox_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_outbox_key ON public.outbox USING btree (key) WHERE (key IS NOT NULL);


--
-- Name: uq_users_username_skeleton; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_users_username_skeleton ON public.users USING btree (username_skeleton) WHERE (NOT confusable_username);


--
-- Name: uq_users_verified_email_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_users_verified_email_key ON public.users USING btree (email_key) WHERE (email_verified_at IS NOT NULL);


--
-- Name: authenticators fk_authenticators_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authenticators
    ADD CONSTRAINT fk_authenticators_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


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
-- Name: conversations fk_conversations_first_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT fk_conversations_first_id_users FOREIGN KEY (first_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: conversations fk_conversations_second_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.conversations
    ADD CONSTRAINT fk_conversations_second_id_users FOREIGN KEY (second_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: email_changes fk_email_changes_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_changes
    ADD CONSTRAINT fk_email_changes_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: email_preferences fk_email_preferences_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.email_preferences
    ADD CONSTRAINT fk_email_preferences_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


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
-- Name: indexed_posts fk_indexed_posts_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.indexed_posts
    ADD CONSTRAINT fk_indexed_posts_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: invitations fk_invitations_created_by_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.invitations
    ADD CONSTRAINT fk_invitations_created_by_id_users FOREIGN KEY (created_by_id) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: known_browsers fk_known_browsers_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.known_browsers
    ADD CONSTRAINT fk_known_browsers_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: likes fk_likes_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.likes
    ADD CONSTRAINT fk_likes_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: likes fk_likes_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.likes
    ADD CONSTRAINT fk_likes_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


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
-- Name: message_preferences fk_message_preferences_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_preferences
    ADD CONSTRAINT fk_message_preferences_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: messages fk_messages_conversation_id_conversations; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_conversation_id_conversations FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE;


--
-- Name: messages fk_messages_sender_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.messages
    ADD CONSTRAINT fk_messages_sender_id_users FOREIGN KEY (sender_id) REFERENCES public.users(id) ON DELETE CASCADE;


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
-- Name: name_terms fk_name_terms_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.name_terms
    ADD CONSTRAINT fk_name_terms_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: notification_preferences fk_notification_preferences_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notification_preferences
    ADD CONSTRAINT fk_notification_preferences_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: notifications fk_notifications_actor_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT fk_notifications_actor_id_users FOREIGN KEY (actor_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: notifications fk_notifications_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT fk_notifications_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: notifications fk_notifications_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.notifications
    ADD CONSTRAINT fk_notifications_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: participations fk_participations_conversation_id_conversations; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.participations
    ADD CONSTRAINT fk_participations_conversation_id_conversations FOREIGN KEY (conversation_id) REFERENCES public.conversations(id) ON DELETE CASCADE;


--
-- Name: participations fk_participations_other_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.participations
    ADD CONSTRAINT fk_participations_other_id_users FOREIGN KEY (other_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: participations fk_participations_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.participations
    ADD CONSTRAINT fk_participations_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: passkeys fk_passkeys_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.passkeys
    ADD CONSTRAINT fk_passkeys_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: post_tags fk_post_tags_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.post_tags
    ADD CONSTRAINT fk_post_tags_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: posts fk_posts_reply_to_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT fk_posts_reply_to_id_posts FOREIGN KEY (reply_to_id) REFERENCES public.posts(id) ON DELETE SET NULL;


--
-- Name: posts fk_posts_reply_to_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.posts
    ADD CONSTRAINT fk_posts_reply_to_user_id_users FOREIGN KEY (reply_to_user_id) REFERENCES public.users(id) ON DELETE SET NULL;


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
-- Name: recovery_codes fk_recovery_codes_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT fk_recovery_codes_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: removals fk_removals_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.removals
    ADD CONSTRAINT fk_removals_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE CASCADE;


--
-- Name: removals fk_removals_removed_by_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.removals
    ADD CONSTRAINT fk_removals_removed_by_id_users FOREIGN KEY (removed_by_id) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: reports fk_reports_author_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT fk_reports_author_id_users FOREIGN KEY (author_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: reports fk_reports_message_id_messages; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT fk_reports_message_id_messages FOREIGN KEY (message_id) REFERENCES public.messages(id) ON DELETE SET NULL;


--
-- Name: reports fk_reports_post_id_posts; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT fk_reports_post_id_posts FOREIGN KEY (post_id) REFERENCES public.posts(id) ON DELETE SET NULL;


--
-- Name: reports fk_reports_reporter_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT fk_reports_reporter_id_users FOREIGN KEY (reporter_id) REFERENCES public.users(id) ON DELETE SET NULL;


--
-- Name: reports fk_reports_resolved_by_id_users; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.reports
    ADD CONSTRAINT fk_reports_resolved_by_id_users FOREIGN KEY (resolved_by_id) REFERENCES public.users(id) ON DELETE SET NULL;


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


