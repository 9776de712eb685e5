-- The platform's own secret is sealed anew when the master key is rotated.
grant update (sealed) on system_secrets to konstruct_system;
