/* An independent Modbus server for the wire tests: `tcp PORT` or `rtu DEVICE UNIT`. Holding registers are given as
 * `ADDRESS=VALUE` after that; input registers hold 3000 + address, coils are set at multiples of 3, discrete inputs at
 * even addresses. One TCP client at a time. Says "ready" when it listens. */
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CELLS 500

int main(int argc, char **argv)
{
    int tcp = argc > 2 && strcmp(argv[1], "tcp") == 0;
    int first = tcp ? 3 : 4, listener = -1, length;
    uint8_t query[MODBUS_TCP_MAX_ADU_LENGTH];
    modbus_t *ctx = tcp ? modbus_new_tcp("127.0.0.1", atoi(argv[2])) : modbus_new_rtu(argv[2], 19200, 'N', 8, 1);
    modbus_mapping_t *map = modbus_mapping_new(CELLS, CELLS, CELLS, CELLS);
    for (int i = 0; i < CELLS; i++) {
        map->tab_bits[i] = i % 3 == 0;
        map->tab_input_bits[i] = i % 2 == 0;
        map->tab_input_registers[i] = 3000 + i;
    }
    for (int i = first; i < argc; i++)
        map->tab_registers[atoi(argv[i])] = atoi(strchr(argv[i], '=') + 1);
    if (tcp) {
        listener = modbus_tcp_listen(ctx, 1);
    } else {
        modbus_set_slave(ctx, atoi(argv[3]));
        if (modbus_connect(ctx) == -1)
            return 2;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        if (tcp && modbus_tcp_accept(ctx, &listener) == -1)
            return 3;
        while ((length = modbus_receive(ctx, query)) >= 0 || (!tcp && errno != EIO))
            if (length > 0)
                modbus_reply(ctx, query, length, map);
        modbus_close(ctx);
        if (!tcp)
            return 0;
    }
}
