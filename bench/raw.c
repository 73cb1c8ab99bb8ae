/* Raw bounds in C, without publishing: libmodbus (raw modbus PORT...) or net-snmp's library (raw snmp PORT...), each device once a
   second, one after the other in one wake-up; `raw spread PORT...`: libmodbus, the units spread evenly over the second. */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <modbus/modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const long SECOND_NS = 1000000000L;

static void pause_until(struct timespec *due, long pause_ns) {
    due->tv_nsec += pause_ns;
    due->tv_sec += due->tv_nsec / SECOND_NS;
    due->tv_nsec %= SECOND_NS;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, due, NULL);
}

static int read_units(int count, char **ports, int is_spread) {
    modbus_t *units[512];
    struct timespec due;
    for (int u = 0; u < count; u++) {
        units[u] = modbus_new_tcp("127.0.0.1", atoi(ports[u]));
        if (modbus_connect(units[u])) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        for (int u = 0; u < count; u++) {
            uint16_t registers[125];
            if (modbus_read_registers(units[u], 0, 125, registers) != 125) return 1;
            if (is_spread) pause_until(&due, SECOND_NS / count);
        }
        if (!is_spread) pause_until(&due, SECOND_NS);
    }
}

static int read_agents(int count, char **ports) {
    netsnmp_session *agents[128];
    oid root[] = {1, 3, 6, 1, 2, 1, 33, 1};
    struct timespec due;
    init_snmp("bench");
    for (int a = 0; a < count; a++) {
        netsnmp_session wanted;
        char peer[64];
        snmp_sess_init(&wanted);
        snprintf(peer, sizeof peer, "127.0.0.1:%s", ports[a]);
        wanted.peername = peer;
        wanted.version = SNMP_VERSION_2c;
        wanted.community = (u_char *)"public";
        wanted.community_len = 6;
        if (!(agents[a] = snmp_open(&wanted))) return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &due);
    for (;;) {
        for (int a = 0; a < count; a++) {
            netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GETBULK), *answer = NULL;
            pdu->non_repeaters = 0;
            pdu->max_repetitions = 20;
            snmp_add_null_var(pdu, root, 8);
            if (snmp_synch_response(agents[a], pdu, &answer) != STAT_SUCCESS) return 1;
            snmp_free_pdu(answer);
        }
        pause_until(&due, SECOND_NS);
    }
}

int main(int words, char **word) {
    if (words < 3 || words > 500) return 2;
    if (!strcmp(word[1], "snmp")) return read_agents(words - 2, word + 2);
    return read_units(words - 2, word + 2, !strcmp(word[1], "spread"));
}
