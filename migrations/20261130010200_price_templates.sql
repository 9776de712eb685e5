-- What Meta charges for a template, by the card of 2026-01-01 and what changed since, in millionths of a dollar at list price.
-- `market` is a calling code or the country of a user id; '' is the card's "other". A market that the card gave another price
-- that is not known here has none from then on: an unknown cost is not shown as a guess.

create policy owner_seeds on channel_prices for insert to konstruct_owner with check (true);

insert into channel_prices (channel, category, market, effective_from, micro_usd)
select 'whatsapp', price.category, market, timestamptz '2026-01-01', price.micro_usd
  from (values
    -- Argentina
    ('54 AR', 61800, 26000),
    -- Brazil
    ('55 BR', 62500, 6800),
    -- Chile
    ('56 CL', 88900, 20000),
    -- Colombia
    ('57 CO', 12500, 800),
    -- Egypt
    ('20 EG', 64400, 3600),
    -- France
    ('33 FR', 85900, 30000),
    -- Germany
    ('49 DE', 136500, 55000),
    -- India
    ('91 IN', 11800, 1400),
    -- Indonesia
    ('62 ID', 41100, 25000),
    -- Israel
    ('972 IL', 35300, 5300),
    -- Italy
    ('39 IT', 69100, 30000),
    -- Malaysia
    ('60 MY', 86000, 14000),
    -- Mexico
    ('52 MX', 30500, 8500),
    -- Netherlands
    ('31 NL', 159700, 50000),
    -- Nigeria
    ('234 NG', 51600, 6700),
    -- Pakistan
    ('92 PK', 47300, 5400),
    -- Peru
    ('51 PE', 70300, 20000),
    -- Russia
    ('7 RU', 80200, 40000),
    -- Saudi Arabia
    ('966 SA', 45500, 10700),
    -- South Africa
    ('27 ZA', 37900, 7600),
    -- Spain
    ('34 ES', 61500, 20000),
    -- Turkey
    ('90 TR', 10900, 5300),
    -- United Arab Emirates
    ('971 AE', 49900, 15700),
    -- United Kingdom
    ('44 GB', 52900, 22000),
    -- North America
    ('1 US CA', 25000, 3400),
    -- Rest of Africa
    ('213 DZ 244 AO 229 BJ 267 BW 226 BF 257 BI 237 CM 235 TD 242 CG 291 ER 251 ET 241 GA 220 GM 233'
        ' GH 245 GW 225 CI 254 KE 266 LS 231 LR 218 LY 261 MG 265 MW 223 ML 222 MR 212 MA 258 MZ 264 NA'
        ' 227 NE 250 RW 221 SN 232 SL 252 SO 211 SS 249 SD 268 SZ 255 TZ 228 TG 216 TN 256 UG 260 ZM 263'
        ' ZW', 22500, 4000),
    -- Rest of Asia Pacific
    ('93 AF 61 AU 880 BD 855 KH 86 CN 852 HK 81 JP 856 LA 976 MN 977 NP 64 NZ 675 PG 63 PH 65 SG 94'
        ' LK 886 TW 992 TJ 66 TH 993 TM 998 UZ 84 VN', 73200, 11300),
    -- Rest of Central and Eastern Europe
    ('355 AL 374 AM 994 AZ 375 BY 359 BG 385 HR 420 CZ 995 GE 30 GR 36 HU 371 LV 370 LT 373 MD 389 MK'
        ' 48 PL 40 RO 381 RS 421 SK 386 SI 380 UA', 86000, 21200),
    -- Rest of Latin America
    ('591 BO 506 CR 1809 1829 1849 DO 593 EC 503 SV 502 GT 509 HT 504 HN 1658 1876 JM 505 NI 507 PA'
        ' 595 PY 1787 1939 PR 598 UY 58 VE', 74000, 11300),
    -- Rest of the Middle East
    ('973 BH 964 IQ 962 JO 965 KW 961 LB 968 OM 974 QA 967 YE', 34100, 9100),
    -- Rest of Western Europe
    ('43 AT 32 BE 45 DK 358 FI 353 IE 47 NO 351 PT 46 SE 41 CH', 59200, 17100),
    -- Other
    ('', 60400, 7700)
  ) as card (markets, marketing, utility)
  cross join lateral unnest(string_to_array(card.markets, ' ') || case when card.markets = '' then array[''] end) as market
  cross join lateral (values ('marketing', card.marketing), ('utility', card.utility)) as price (category, micro_usd);

-- Raised since.
insert into channel_prices (channel, category, market, effective_from, micro_usd)
select 'whatsapp', changed.category, unnest(changed.markets), timestamptz '2026-07-01', changed.micro_usd
  from (values ('marketing', array['44', 'GB'], 63500),
               ('marketing', array['966', 'SA'], 50100),
               ('utility', array['92', 'PK'], 10000)) as changed (category, markets, micro_usd);

-- Markets that left their regions: utility costs something else from then on.
insert into channel_prices (channel, category, market, effective_from, micro_usd)
select 'whatsapp', 'utility', unnest(array['964', 'IQ', '977', 'NP', '94', 'LK', '77', 'KZ', '965', 'KW', '212', 'MA', '968', 'OM',
                                           '380', 'UA']), timestamptz '2026-10-01', null
 union all
select 'whatsapp', 'utility', unnest(array['880', 'BD']), timestamptz '2026-10-01', 3700;

drop policy owner_seeds on channel_prices;
