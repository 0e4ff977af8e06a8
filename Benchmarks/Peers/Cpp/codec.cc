// The operations of codec-bench on C++ protobuf: cpp-codec MESSAGES-DIR run OPERATION TIMES | time OPERATION MS
#include <algorithm>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <vector>

#include "csi/v1/controller.pb.h"
#include "messages.h"

static int64_t cpu_nanoseconds()
{
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

template <class Message> static std::function<int64_t(int64_t)> decoding(std::string bytes)
{
    return [bytes](int64_t times) {
        int64_t known = 0;
        for (int64_t i = 0; i < times; i++) {
            Message message;
            if (message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
                known++;
        }
        return known;
    };
}

template <class Message> static std::function<int64_t(int64_t)> encoding(const std::string &bytes)
{
    auto message = std::make_shared<Message>();
    message->ParseFromString(bytes);
    return [message](int64_t times) {
        int64_t total = 0;
        for (int64_t i = 0; i < times; i++)
            total += static_cast<int64_t>(message->SerializeAsString().size());
        return total;
    };
}

// The median of the means of several batches, measured as codec-bench does.
static int64_t nanoseconds(const std::function<int64_t(int64_t)> &run, int64_t milliseconds)
{
    const int64_t batches = 7;
    const int64_t wanted = milliseconds * 1000000 / (batches + 1);
    int64_t times = 1;
    int64_t spent = 0;
    while (spent < wanted / 4) {
        times *= 2;
        const int64_t started = cpu_nanoseconds();
        run(times);
        spent = cpu_nanoseconds() - started;
    }
    times = std::max<int64_t>(1, times * wanted / std::max<int64_t>(1, spent));
    std::vector<int64_t> means;
    for (int64_t batch = 0; batch < batches; batch++) {
        const int64_t started = cpu_nanoseconds();
        run(times);
        means.push_back((cpu_nanoseconds() - started) / times);
    }
    std::sort(means.begin(), means.end());
    return means[batches / 2];
}

int main(int argc, char **argv)
{
    const std::string usage = "usage: cpp-codec MESSAGES-DIR run OPERATION TIMES | time OPERATION MS\n";
    if (argc != 5) {
        std::cerr << usage;
        return 64;
    }
    const std::string directory = argv[1], what = argv[2], name = argv[3];
    const int64_t amount = std::atoll(argv[4]);
    std::function<int64_t(int64_t)> run;
    if (name == "create-decode")
        run = decoding<csi::v1::CreateVolumeRequest>(read_message(directory, "create-request.bin"));
    else if (name == "create-encode")
        run = encoding<csi::v1::CreateVolumeRequest>(read_message(directory, "create-request.bin"));
    else if (name == "list-decode")
        run = decoding<csi::v1::ListVolumesResponse>(read_message(directory, "list-response.bin"));
    else if (name == "list-encode")
        run = encoding<csi::v1::ListVolumesResponse>(read_message(directory, "list-response.bin"));
    if (!run || (what != "run" && what != "time")) {
        std::cerr << usage;
        return 64;
    }
    run(2);
    std::cout << (what == "run" ? run(amount) : nanoseconds(run, amount)) << "\n";
}
