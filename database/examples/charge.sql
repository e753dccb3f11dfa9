-- A charge takes its amount once, however often it is sent, and never more than there is.
insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'example@example.test');
select grant_credits('11111111-1111-4111-8111-111111111111', 1000, 'example', 'To begin with');

select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'image', 500, 'A picture', '{}',
                             '22222222-2222-4222-8222-222222222222');
select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'image', 500, 'A picture', '{}',
                             '22222222-2222-4222-8222-222222222222');
select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'image', 700, 'Another', '{}',
                             '22222222-2222-4222-8222-222222222222');
select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'video', 3000, 'A clip', '{}', null) ->> 'outcome' as outcome;

select seq, kind, delta, balance_after, description from credit_ledger order by seq;
