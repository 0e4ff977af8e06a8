// One real client's look at a server: cpp-check PATH.sock MESSAGES-DIR. Fails unless all three answers are what they must be, and a
// method that does not exist is UNIMPLEMENTED.
#include <grpcpp/grpcpp.h>

#include "csi/v1/controller.grpc.pb.h"
#include "csi/v1/identity.grpc.pb.h"
#include "messages.h"

static bool report(const std::string &what, const grpc::Status &status, const std::string &answer,
                   const std::string &expected)
{
    // Maps have no order of their own, so only the lengths of the bytes can be compared.
    if (status.ok() && answer.size() == expected.size())
        return true;
    std::cerr << what << ": status " << status.error_code() << " " << status.error_message() << ", " << answer.size()
              << " bytes, expected " << expected.size() << "\n";
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: cpp-check PATH.sock MESSAGES-DIR\n";
        return 64;
    }
    const std::string directory = argv[2];
    auto channel = grpc::CreateChannel("unix:" + std::string(argv[1]), grpc::InsecureChannelCredentials());
    csi::v1::Identity::Stub identity(channel);
    csi::v1::Controller::Stub controller(channel);
    bool good = true;
    {
        grpc::ClientContext context;
        csi::v1::ProbeResponse response;
        const auto status = identity.Probe(&context, {}, &response);
        good &= report("Probe", status, response.SerializeAsString(), std::string("\x0a\x02\x08\x01"));
    }
    {
        grpc::ClientContext context;
        csi::v1::CreateVolumeRequest request;
        request.ParseFromString(read_message(directory, "create-request.bin"));
        csi::v1::CreateVolumeResponse response;
        const auto status = controller.CreateVolume(&context, request, &response);
        good &= report("CreateVolume", status, response.SerializeAsString(),
                       read_message(directory, "create-response.bin"));
    }
    {
        grpc::ClientContext context;
        csi::v1::ListVolumesResponse response;
        const auto status = controller.ListVolumes(&context, {}, &response);
        good &= report("ListVolumes", status, response.SerializeAsString(),
                       read_message(directory, "list-response.bin"));
    }
    {
        grpc::ClientContext context;
        csi::v1::DeleteVolumeResponse response;
        const auto status = controller.DeleteVolume(&context, {}, &response);
        if (status.error_code() != grpc::StatusCode::UNIMPLEMENTED) {
            std::cerr << "DeleteVolume: status " << status.error_code() << ", expected UNIMPLEMENTED\n";
            good = false;
        }
    }
    return good ? 0 : 1;
}
