// The same three methods as bare-server, on the callback API of C++ gRPC: cpp-server PATH.sock MESSAGES-DIR. Ends by a signal.
#include <grpcpp/grpcpp.h>

#include "csi/v1/controller.grpc.pb.h"
#include "csi/v1/identity.grpc.pb.h"
#include "messages.h"



class Identity final : public csi::v1::Identity::CallbackService {
    grpc::ServerUnaryReactor *Probe(grpc::CallbackServerContext *context, const csi::v1::ProbeRequest *,
                                    csi::v1::ProbeResponse *response) override
    {
        response->mutable_ready()->set_value(true);
        auto *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }
};

class Controller final : public csi::v1::Controller::CallbackService {
public:
    explicit Controller(const std::string &directory)
    {
        created_.ParseFromString(read_message(directory, "create-response.bin"));
        list_.ParseFromString(read_message(directory, "list-response.bin"));
    }

private:
    grpc::ServerUnaryReactor *CreateVolume(grpc::CallbackServerContext *context, const csi::v1::CreateVolumeRequest *request,
                                           csi::v1::CreateVolumeResponse *response) override
    {
        response->CopyFrom(created_);
        response->mutable_volume()->set_capacity_bytes(request->capacity_range().required_bytes());
        auto *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    grpc::ServerUnaryReactor *ListVolumes(grpc::CallbackServerContext *context, const csi::v1::ListVolumesRequest *,
                                          csi::v1::ListVolumesResponse *response) override
    {
        response->CopyFrom(list_);
        auto *reactor = context->DefaultReactor();
        reactor->Finish(grpc::Status::OK);
        return reactor;
    }

    csi::v1::CreateVolumeResponse created_;
    csi::v1::ListVolumesResponse list_;
};

int main(int argc, char **argv)
{
    if (argc != 3) {
        std::cerr << "usage: cpp-server PATH.sock MESSAGES-DIR\n";
        return 64;
    }
    Identity identity;
    Controller controller(argv[2]);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("unix:" + std::string(argv[1]), grpc::InsecureServerCredentials());
    builder.RegisterService(&identity);
    builder.RegisterService(&controller);
    auto server = builder.BuildAndStart();
    if (server == nullptr)
        return 1;
    server->Wait();
}
