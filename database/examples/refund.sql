-- A refund gives back what was charged, once. One that comes before its charge closes the reference: the charge takes nothing.
insert into auth.users (id, email) values ('11111111-1111-4111-8111-111111111111', 'example@example.test');
select grant_credits('11111111-1111-4111-8111-111111111111', 1000, 'example', 'To begin with');
select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'image', 500, 'A picture', '{}',
                             '22222222-2222-4222-8222-222222222222');

select refund_credits('22222222-2222-4222-8222-222222222222', 'The provider failed');
select refund_credits('22222222-2222-4222-8222-222222222222', 'The provider failed');

select refund_credits('33333333-3333-4333-8333-333333333333', 'Came too early');
select atomic_charge_credits('11111111-1111-4111-8111-111111111111', 'image', 500, 'Came too late', '{}',
                             '33333333-3333-4333-8333-333333333333');

select seq, kind, delta, balance_after, description from credit_ledger order by seq;
