// Reads the messages that codec-bench wrote.
#pragma once

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

inline std::string read_message(const std::string &directory, const std::string &name)
{
    std::ifstream file(directory + "/" + name, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    if (bytes.empty()) {
        std::cerr << "cannot read " << directory << "/" << name << "\n";
        std::exit(1);
    }
    return bytes;
}
